/** TLS on a control connection, and what follows from the name that the client gave to it. */
import type { Dialogue } from "./dialogue.js";
import { HostQuestion } from "./login-questions.js";
import type { ProtectionLevel } from "./security.js";

/**
 * Puts the control connection under TLS. A host that SNI names is asked about as one that HOST names; refused, it ends the
 * session (RFC 7151 §3.2.2 has no other reply for it).
 * @throws FtpError `TLS_FAILED`; the connection is cut
 */
export async function protectControl(dialogue: Dialogue, level: ProtectionLevel): Promise<void> {
  const { security, session, texts } = dialogue;
  await security.protectControl(level);
  const { secure } = security;
  if (secure !== undefined) dialogue.tell("secured", { channel: "control", secure });
  const servername = secure?.servername;
  if (servername === undefined) return;
  const refusal = await dialogue.ask("host", new HostQuestion(session, texts.unknownHost, servername));
  if (refusal !== undefined) dialogue.end({ text: texts.unknownHost });
}
