/** Access control (RFC 959 §4.1.1): who the client is, and leaving. */

import type { Dialogue } from "../session/dialogue.js";
import { type Admitted, LoginQuestion } from "../session/questions.js";
import { type Reply, reply } from "../wire/reply.js";
import { anyText, none, text } from "./grammar.js";
import { type Row, row } from "./row.js";

interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly accountInfo?: string;
}

/** USER, PASS, ACCT, REIN, QUIT. */
export const accessRows: readonly Row[] = [
  row({
    verb: "USER",
    source: "RFC 959 §4.1.1",
    summary: "say who you are",
    argument: text("username"),
    logsIn: true,
    replies: [331],
    run: beginLogin,
  }),
  row({
    verb: "PASS",
    source: "RFC 959 §4.1.1",
    summary: "give the password",
    argument: anyText("password"),
    logsIn: true,
    replies: [230, 332],
    secret: true,
    run: (dialogue, password) => {
      const { who } = dialogue.state;
      if (who.stage !== "named") return reply(503, dialogue.texts.badSequence);
      return logIn(dialogue, { username: who.username, password });
    },
  }),
  row({
    verb: "ACCT",
    source: "RFC 959 §4.1.1",
    summary: "give the account, where one is asked for",
    argument: text("account"),
    logsIn: true,
    replies: [230, 202],
    secret: true,
    run: (dialogue, accountInfo) => {
      const { who } = dialogue.state;
      if (who.stage === "admitted") return reply(202, dialogue.texts.superfluous);
      if (who.stage !== "accountWanted") return reply(503, dialogue.texts.badSequence);
      return logIn(dialogue, { username: who.username, password: who.password, accountInfo });
    },
  }),
  row({
    verb: "REIN",
    source: "RFC 959 §4.1.1",
    summary: "start over with a new user",
    argument: none,
    replies: [220],
    run: (dialogue) => {
      dialogue.reset();
      dialogue.limits.restart();
      return reply(220, dialogue.texts.reset);
    },
  }),
  row({
    verb: "QUIT",
    source: "RFC 959 §4.1.1",
    summary: "leave",
    argument: none,
    replies: [221],
    // Waits for a running transfer, as RFC 959 §4.1.1 wants, and everything behind it with it.
    run: (dialogue) => reply(221, dialogue.texts.goodbye),
  }),
];

/** 331 for every name, known or not (RFC 2577 §4). What the last user had is gone before the next one is named. */
function beginLogin(dialogue: Dialogue, username: string): Reply {
  const { state, settings, texts } = dialogue;
  if (state.who.stage === "admitted" && !settings.allowRelogin) return reply(503, texts.alreadyLoggedIn);
  const { type, facts, language, extendedOnly } = state;
  dialogue.reset();
  Object.assign(dialogue.state, { type, facts, language, extendedOnly, who: { stage: "named", username } });
  return reply(331, texts.needPassword);
}

async function logIn(dialogue: Dialogue, credentials: Credentials): Promise<Reply> {
  const { state, texts, settings } = dialogue;
  const { username, password, accountInfo } = credentials;
  const question = new LoginQuestion(dialogue.session, texts.loginFailed, { username, password, accountInfo });
  const refusal = await dialogue.ask("login", question);
  if (refusal === undefined && question.accountRequired) {
    state.who = { stage: "accountWanted", username, password };
    return reply(332, texts.needAccount);
  }
  if (refusal === undefined && question.admitted !== undefined) return admit(dialogue, username, question.admitted);
  state.who = { stage: "greeted" };
  dialogue.loginFailures++;
  dialogue.tell("loginFailed", { username });
  // RFC 2577 §5: a few tries, then the connection ends.
  if (settings.maxLoginAttempts > 0 && dialogue.loginFailures >= settings.maxLoginAttempts) {
    return reply(421, texts.tooManyFailures);
  }
  return refusal ?? question.ownRefusal;
}

function admit(dialogue: Dialogue, username: string, { fileSystem, account, directory }: Admitted): Reply {
  dialogue.state.who = { stage: "admitted", username, account, fileSystem };
  dialogue.state.directory = directory;
  dialogue.limits.admitted();
  dialogue.tell("loggedIn", {});
  return reply(230, dialogue.texts.loggedIn);
}
