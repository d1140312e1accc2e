/** HOST (RFC 7151): which of several hosts behind one address the client has come for. */
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { HostQuestion } from "../session/login-questions.js";
import { hostName } from "../wire/host-name.js";
import { type Reply, reply } from "../wire/reply.js";
import { valueOf } from "./grammar.js";
import { type Row, row } from "./row.js";

/** A domain name or an IPv4 address, or an IPv6 address in brackets; no port (RFC 7151 §3.1). */
const hostname: Grammar<string, Dialogue> = {
  syntax: "<SP> hostname",
  parse: (given) => valueOf(given === undefined ? undefined : hostName(given)),
};

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
  // Whoever gave a password to another host has to begin anew (RFC 7151 §3.2).
  state.who = { stage: "greeted" };
  return reply(220, texts.hostAccepted);
}
