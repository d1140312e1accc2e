/** Access control (RFC 959 §4.1.1): who the client is, and leaving. */

import { type Awaitable, following } from "../events/awaitable.js";
import { unlessOff } from "../limits/limits.js";
import type { Dialogue } from "../session/dialogue.js";
import { type Admitted, CertificateQuestion, LoginQuestion } from "../session/login-questions.js";
import { waitFor } from "../transfer/pace.js";
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
    replies: [331, 232],
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
    source: "RFC 959 §4.1.1, RFC 4217 §13",
    summary: "start over with a new user",
    argument: none,
    replies: [220],
    run: startOver,
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
function beginLogin(dialogue: Dialogue, username: string): Awaitable<Reply> {
  const { state, settings, security, texts } = dialogue;
  if (state.who.stage === "admitted" && !settings.allowRelogin) return reply(503, texts.alreadyLoggedIn);
  const { type, facts, language, extendedOnly } = state;
  dialogue.reset();
  // As after AUTH and REIN: the clock until login runs again, and what SITE IDLE has set is gone.
  if (state.who.stage === "admitted") dialogue.limits.restart();
  Object.assign(dialogue.state, { type, facts, language, extendedOnly, who: { stage: "named", username } });
  const byCertificate = security.secure?.authorized && dialogue.hears("certificate");
  const known = byCertificate ? logInByCertificate(dialogue, username) : undefined;
  return following(known, (welcome) => welcome ?? reply(331, texts.needPassword));
}

/** RFC 4217 §10.1: 232 where the certificate is enough. `undefined`: a password is asked for. */
async function logInByCertificate(dialogue: Dialogue, username: string): Promise<Reply | undefined> {
  if (await isBanned(dialogue)) return reply(421, dialogue.texts.notWelcome);
  const question = new CertificateQuestion(dialogue.session, dialogue.texts.loginFailed, username);
  const refusal = await dialogue.ask("certificate", question);
  if (refusal !== undefined) return fail(dialogue, username, refusal);
  if (question.admitted === undefined) return undefined;
  return admit(dialogue, username, question.admitted, reply(232, dialogue.texts.certificateAccepted));
}

function isBanned({ guard, session }: Dialogue): Awaitable<boolean> {
  return guard.isBanned(session.remoteAddress);
}

async function logIn(dialogue: Dialogue, credentials: Credentials): Promise<Reply> {
  const { state, texts } = dialogue;
  const { username, password, accountInfo } = credentials;
  if (await isBanned(dialogue)) return reply(421, texts.notWelcome);
  const question = new LoginQuestion(dialogue.session, texts.loginFailed, { username, password, accountInfo });
  const refusal = await dialogue.ask("login", question);
  const { admitted, accountRequired } = question;
  if (refusal !== undefined || (admitted === undefined && !accountRequired))
    return fail(dialogue, username, refusal ?? question.ownRefusal);
  // Many guesses may be verified at once: those that have banned the address meanwhile count for the rest.
  if (await isBanned(dialogue)) return reply(421, texts.notWelcome);
  if (admitted !== undefined) return admit(dialogue, username, admitted, reply(230, texts.loggedIn));
  state.who = { stage: "accountWanted", username, password };
  return reply(332, texts.needAccount);
}

/** RFC 2577 §5: each is answered later than the one before; after a few the connection ends, after more the address is banned. */
async function fail(dialogue: Dialogue, username: string, refusal: Reply): Promise<Reply> {
  const { allowance, settings, texts, guard, session, signal } = dialogue;
  dialogue.state.who = { stage: "greeted" };
  dialogue.loginFailures++;
  const bound = allowance.within("loginAttempts", unlessOff(settings.maxLoginAttempts));
  const over = dialogue.loginFailures >= bound.amount;
  dialogue.tell("loginFailed", { username, over });
  if (over) dialogue.tellLimited(bound);
  const { delay, banned, out, hint } = await guard.failed(session.remoteAddress, username);
  if (banned > 0) dialogue.tell("banned", { milliseconds: banned });
  if (hint !== undefined) dialogue.tell("hint", { option: "bans.exempt", text: hint });
  if (delay > 0) await waitFor(delay, signal);
  return over || out ? reply(421, texts.tooManyFailures) : refusal;
}

async function admit(dialogue: Dialogue, username: string, admitted: Admitted, welcome: Reply): Promise<Reply> {
  const { security, texts, guard } = dialogue;
  const { fileSystem, account, directory, requireTls, limits } = admitted;
  // The password came in clear already; but nobody shall get used to it.
  if (security.lacks("login", requireTls)) return await fail(dialogue, username, reply(530, texts.tlsRequired));
  const countedAs = accountOf(dialogue, username);
  const scope = guard.account(countedAs, limits);
  const counted = dialogue.allowance.logIn(scope);
  const reached = counted instanceof Promise ? await counted : counted;
  dialogue.throwIfAbandoned();
  if (reached !== undefined) {
    dialogue.state.who = { stage: "greeted" };
    guard.left(countedAs);
    dialogue.tellLimited(reached);
    return reply(530, texts.tooManySessions);
  }
  dialogue.state.who = { stage: "admitted", username, account, fileSystem, countedAs, scope };
  dialogue.state.directory = directory;
  security.accountRequires = requireTls;
  dialogue.limits.admitted();
  dialogue.tell("loggedIn", {});
  return welcome;
}

/** Users of two hosts are two. A name that no listener has looked at is no host's: a client could say any, and have bounds for each. */
function accountOf(dialogue: Dialogue, username: string): string {
  const { host } = dialogue.security;
  return host !== undefined && dialogue.hears("host") ? `${username}\n${host}` : username;
}

/** Everything as at the beginning. Under TLS that means to leave it, where that is allowed (RFC 4217 §13). */
function startOver(dialogue: Dialogue): Reply {
  const { security, texts } = dialogue;
  if (security.options.implicit) return reply(502, texts.clearRefused);
  if (security.secure !== undefined) {
    if (!security.options.allowClear) return reply(502, texts.clearRefused);
    if (dialogue.control.hasUnread) return reply(421, texts.plaintextBehind);
    dialogue.crossing = async () => {
      await security.clearControl();
      security.reset();
    };
  } else security.reset();
  dialogue.reset();
  dialogue.limits.restart();
  return reply(220, texts.reset);
}
