/**
 * Protection (RFC 2228, RFC 4217): TLS on the control connection, and what data connections are to be. The commands
 * of other mechanisms are refused.
 */
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { protectControl } from "../session/protect-control.js";
import type { ProtectionLevel } from "../session/security.js";
import { upperCase } from "../wire/command-line.js";
import { type Reply, reply } from "../wire/reply.js";
import { decimal, none, text, valueOf } from "./grammar.js";
import { type Row, row } from "./row.js";

/**
 * The mechanisms, and the protection of data that each begins with. RFC 4217 has TLS; the drafts before it had the
 * others, two of which imply that data are private.
 */
const MECHANISMS: ReadonlyMap<string, ProtectionLevel> = new Map([
  ["TLS", "C"],
  ["TLS-C", "C"],
  ["SSL", "P"],
  ["TLS-P", "P"],
]);

/** PBSZ is 32 bits long (RFC 2228 §3). */
const MAX_BUFFER = 2 ** 32 - 1;

const protectionLevel: Grammar<string, Dialogue> = {
  syntax: "<SP> C | S | E | P",
  parse: (given) => valueOf(given === undefined || given === "" ? undefined : upperCase(given)),
};

const bufferSize: Grammar<number, Dialogue> = {
  syntax: decimal.syntax,
  parse: (given, dialogue) => {
    const size = decimal.parse(given, dialogue);
    return size === undefined || size.value > MAX_BUFFER ? undefined : size;
  },
};

/** AUTH, PBSZ, PROT, CCC, ADAT, MIC, CONF, ENC. */
export const securityRows: readonly Row[] = [
  row({
    verb: "AUTH",
    source: "RFC 2228 §3, RFC 4217 §4",
    summary: "begin TLS on the control connection",
    argument: text("mechanism"),
    replies: [234],
    needs: ["tls"],
    feature: "AUTH TLS",
    run: authenticate,
  }),
  row({
    verb: "PBSZ",
    source: "RFC 2228 §3, RFC 4217 §8",
    summary: "say how large protected pieces may be; TLS knows itself",
    argument: bufferSize,
    replies: [200],
    needs: ["tls"],
    feature: "PBSZ",
    keepsRestart: true,
    run: ({ security, texts }) =>
      security.secure === undefined ? reply(503, texts.noProtection) : reply(200, texts.bufferSize),
  }),
  row({
    verb: "PROT",
    source: "RFC 2228 §3, RFC 4217 §9",
    summary: "say whether data connections are under TLS",
    argument: protectionLevel,
    replies: [200, 534, 536],
    needs: ["tls"],
    feature: "PROT",
    keepsRestart: true,
    run: protect,
  }),
  row({
    verb: "CCC",
    source: "RFC 2228 §3, RFC 4217 §12.3",
    summary: "end TLS on the control connection",
    argument: none,
    replies: [200, 533, 534],
    needs: ["tls", "login"],
    feature: ({ security }) => (security.mayClear ? "CCC" : undefined),
    run: clear,
  }),
  // TLS brings all that the others of RFC 2228 are for.
  refused("ADAT", "send security data"),
  refused("MIC", "send an integrity protected command"),
  refused("CONF", "send a confidential command"),
  refused("ENC", "send a private command"),
];

/** 503 for the one that goes on with an exchange, 537 for the levels of protection of single commands. */
function refused(verb: string, summary: string): Row {
  const code = verb === "ADAT" ? 503 : 537;
  return row({
    verb,
    source: "RFC 2228 §3",
    summary,
    argument: text("data"),
    secret: true,
    replies: [code],
    needs: ["tls"],
    run: ({ texts }) => reply(code, texts.notImplemented),
  });
}

/** The handshake follows the reply. Whoever was logged in is so no more, and nothing that was set stays (RFC 4217 §4). */
function authenticate(dialogue: Dialogue, mechanism: string): Reply {
  const { security, control, limits, state, texts } = dialogue;
  if (security.negotiated) return reply(503, security.secure === undefined ? texts.authOver : texts.authTwice);
  const level = MECHANISMS.get(upperCase(mechanism));
  if (level === undefined) return reply(504, texts.unsupportedParameter);
  // What came in clear behind AUTH may be anybody's; a client waits for 234.
  if (control.hasUnread) return reply(421, texts.plaintextBehind);
  const wasAdmitted = state.who.stage === "admitted";
  dialogue.reset();
  if (wasAdmitted) limits.restart();
  dialogue.crossing = () => protectControl(dialogue, level);
  return reply(234, texts.authAccepted);
}

function protect({ security, texts }: Dialogue, level: string): Reply {
  if (security.secure === undefined) return reply(503, texts.noProtection);
  if (level === "S" || level === "E") return reply(536, texts.unsupportedProtection);
  if (level !== "C" && level !== "P") return reply(504, texts.unsupportedParameter);
  if (level === "C" && security.requiresPrivateData) return reply(534, texts.clearDataRefused);
  security.level = level;
  return reply(200, texts.protectionSet(level));
}

function clear(dialogue: Dialogue): Reply {
  const { security, control, texts } = dialogue;
  if (security.secure === undefined) return reply(533, texts.notProtected);
  if (!security.mayClear) return reply(534, texts.clearRefused);
  if (control.hasUnread) return reply(421, texts.plaintextBehind);
  dialogue.crossing = () => security.clearControl();
  return reply(200, texts.clearAgain);
}
