/** HOST (RFC 7151): which of several hosts behind one address the client has come for. */
import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { HostQuestion } from "../session/login-questions.js";
import { type Reply, reply } from "../wire/reply.js";
import { valueOf } from "./grammar.js";
import { type Row, row } from "./row.js";

/** Octets of a domain name (RFC 1035 §2.3.4), also before punycode makes it longer. */
const MAX_NAME = 255;
/** RFC 1035 §2.3.1, in ASCII and lower case; underscores are practice. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A domain name or an IPv4 address, or an IPv6 address in brackets; no port (RFC 7151 §3.1). */
const hostname: Grammar<string, Dialogue> = {
  syntax: "<SP> hostname",
  parse: (given) => valueOf(given === undefined ? undefined : hostOf(given)),
};

/** One spelling for each host, so that nobody has to compare two. */
export function hostOf(given: string): string | undefined {
  if (given.length > MAX_NAME) return undefined;
  if (given.startsWith("[") && given.endsWith("]")) {
    const address = given.slice(1, -1);
    return isIPv6(address) && !address.includes("%") ? address.toLowerCase() : undefined;
  }
  if (isIPv4(given)) return given;
  // Of ASCII only letters, digits, dot, hyphen and underscore: `domainToASCII` would cut at a colon or a slash.
  if (/[\x00-\x2c/:-@[-^`{-\x7f]/.test(given)) return undefined;
  const name = domainToASCII(given.endsWith(".") ? given.slice(0, -1) : given);
  return name !== "" && !isIPv4(name) && name.split(".").every((label) => LABEL.test(label)) ? name : undefined;
}

/** HOST. */
export const hostRow: Row = row({
  verb: "HOST",
  source: "RFC 7151 §3",
  summary: "say which host you have come for",
  argument: hostname,
  replies: [220],
  feature: "HOST",
  run: chooseHost,
});

async function chooseHost(dialogue: Dialogue, host: string): Promise<Reply> {
  const { security, state, texts } = dialogue;
  if (state.who.stage === "admitted") return reply(503, texts.alreadyLoggedIn);
  if (!security.allowsHost(host)) return reply(504, texts.unknownHost);
  const refusal = await dialogue.ask("host", new HostQuestion(dialogue.session, texts.unknownHost, host));
  if (refusal !== undefined) return refusal;
  security.host = host;
  return reply(220, texts.hostAccepted);
}
