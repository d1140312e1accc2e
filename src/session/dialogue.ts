/**
 * What a running command works with: the state of its connection, the replies, the questions to the host and the
 * facts told to it. One for each control connection; the interpreter drives it.
 */
import type { ControlChannel, ControlWatcher } from "../channel/control-channel.js";
import type { Identify } from "../channel/passive-listener.js";
import { FtpError } from "../errors.js";
import type { Awaitable } from "../events/awaitable.js";
import { type Asked, ask, type Emitter } from "../events/emitter.js";
import type { Allowance, Bound } from "../limits/allowance.js";
import { type LimitName, RATES, type Reached } from "../limits/limits.js";
import type { FileSystem } from "../storage/file-system.js";
import type { Transfer } from "../transfer/transfer.js";
import { encodeReply, type Reply, reply } from "../wire/reply.js";
import { type VirtualPath, virtualPath } from "../wire/virtual-path.js";
import type { CommandContext, CommandTable } from "./command.js";
import type { FactEvents, QuestionEvents, SessionEvents } from "./events.js";
import type { LoginGuard } from "./login-guard.js";
import type { Observer } from "./observer.js";
import { Patience } from "./patience.js";
import { Security, type SecurityOptions } from "./security.js";
import { Session } from "./session.js";
import type { SessionQuestion } from "./session-question.js";
import type { Settings } from "./settings.js";
import { freshState, type State } from "./state.js";
import { CATALOGUE, DEFAULT_LANGUAGE, type Texts } from "./texts.js";
import { TimeLimits } from "./time-limits.js";

/** What a dialogue needs from the server around it. */
export interface DialogueOptions {
  readonly control: ControlChannel;
  readonly settings: Settings;
  readonly security: SecurityOptions;
  readonly table: CommandTable<Dialogue>;
  readonly siteTable: CommandTable<Dialogue>;
  /** What the session may. */
  readonly allowance: Allowance;
  readonly guard: LoginGuard;
  /** Finds out whose a passive data connection is. Default: the socket's other end says so. */
  readonly identify?: Identify | undefined;
  /** Asked and told after the session's own listeners. */
  readonly server: Emitter<SessionEvents<Session>>;
  /** Counts replies. */
  readonly observer: Observer;
}

/** What a reply answers, as far as it may be known. */
interface Answered {
  /** `undefined` for what is no command here. */
  readonly verb: string | undefined;
  readonly argument: string | undefined;
  /** When its line was taken, by `performance.now()`; for the final reply alone. */
  readonly since?: number;
}

/** Bounds that a client just waits for. */
const SLOWING: readonly LimitName[] = [...RATES, "queuedCommands"];

/** How a session is to end. */
export interface Ending {
  /** Default: that the server is going away. */
  readonly text?: string | undefined;
  /** Lets a running transfer finish first. */
  readonly drain?: boolean;
}

/** How long a client that is given up may take to read why, in milliseconds. */
const LAST_WORDS_MS = 500;

/** One conversation over a control connection. */
export class Dialogue implements CommandContext, ControlWatcher {
  readonly session: Session;
  readonly control: ControlChannel;
  readonly settings: Settings;
  readonly security: Security;
  readonly table: CommandTable<Dialogue>;
  readonly siteTable: CommandTable<Dialogue>;
  readonly allowance: Allowance;
  readonly guard: LoginGuard;
  /** Bounds that the session has had to wait for. */
  #slowed: Set<LimitName> | undefined;
  /** Finds out whose a passive data connection is; `undefined` where the socket's other end says so. */
  readonly identify: Identify | undefined;
  readonly limits: TimeLimits;
  state: State = freshState();
  /** What moves now. */
  transfer: Transfer | undefined;
  /** When the line that the loop works on was taken, by `performance.now()`. */
  takenAt = 0;
  /** Lines that were taken. */
  commands = 0;
  /** A command runs that holds the loop. */
  busy = false;
  /** Resolves when the transfer that runs now has been answered. */
  held: Promise<void> | undefined;
  /** Failed logins of this connection; REIN does not forget them. */
  loginFailures = 0;
  /** Lines in a row that were no commands. */
  unknownCommands = 0;
  /** What the command that ran wants done behind its reply: to change what the control connection goes over. */
  crossing: (() => Promise<void>) | undefined;
  /** The reply to end with as soon as nothing moves. */
  farewell: Reply | undefined;
  readonly #server: Emitter<SessionEvents<Session>>;
  readonly #observer: Observer;
  /** For what the loop waits for. */
  readonly patience = new Patience();
  /** For the transfer that is held. */
  transferPatience: Patience | undefined;
  /** Made when a command asks for its signal, and let go of behind it: an idle session needs none. */
  #abandoned: AbortController | undefined;
  /** Why nobody waits any more. */
  #reason: (() => FtpError) | undefined;
  #lastCall: NodeJS.Timeout | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #cutting: NodeJS.Timeout | undefined;

  constructor(options: DialogueOptions) {
    this.control = options.control;
    this.settings = options.settings;
    this.security = new Security(options.control, options.security);
    this.table = options.table;
    this.siteTable = options.siteTable;
    this.allowance = options.allowance;
    this.guard = options.guard;
    this.identify = options.identify;
    this.#server = options.server;
    this.#observer = options.observer;
    this.session = new Session(this);
    this.limits = new TimeLimits(this.settings, (why) => this.#expire(why));
  }

  /** Fires when nobody waits for the session any more. A transfer has a signal of its own. */
  get signal(): AbortSignal {
    this.#abandoned ??= new AbortController();
    if (this.#reason !== undefined) this.#abandoned.abort(this.#reason());
    return this.#abandoned.signal;
  }

  /** @throws the reason, once nobody waits for the session any more */
  throwIfAbandoned(): void {
    if (this.#reason !== undefined) throw this.#reason();
  }

  /** Nothing runs that could wait for the signal. */
  rest(): void {
    this.#abandoned = undefined;
  }

  get texts(): Texts {
    return (CATALOGUE.get(this.state.language) ?? CATALOGUE.get(DEFAULT_LANGUAGE)) as Texts;
  }

  get fileSystem(): FileSystem {
    const { who } = this.state;
    if (who.stage === "admitted") return who.fileSystem;
    throw new FtpError("REFUSED", "nobody has logged in", { reply: reply(530, this.texts.notLoggedIn) });
  }

  resolve(name: string): VirtualPath {
    return virtualPath(name, this.state.directory);
  }

  /** Sends a reply and tells of it. `command` is what it answers, as far as it may be known. */
  send(answer: Reply, command?: Answered): void {
    this.control.send(encodeReply(answer));
    // Before it is told: a listener that closes the session must not add a reply to the last one.
    if (answer.code === 421 || answer.code === 221) this.control.finish();
    const milliseconds = command?.since === undefined ? undefined : performance.now() - command.since;
    if (milliseconds !== undefined) this.#observer.replied(command?.verb, answer.code, milliseconds);
    if (!this.hears("reply")) return;
    this.tell("reply", {
      verb: command?.verb,
      argument: command?.argument,
      code: answer.code,
      text: answer.lines.join("\n"),
      milliseconds,
    });
  }

  /** Whether the host listens to an event, at the session or at the server. */
  hears(event: keyof SessionEvents<Session>): boolean {
    return this.session.hears(event) || this.#server.hears(event);
  }

  /** Tells a fact about this session. */
  tell<Name extends keyof FactEvents<Session>>(event: Name, fact: Omit<FactEvents<Session>[Name], "session">): void {
    const whole = { session: this.session, ...fact } as unknown as SessionEvents<Session>[Name];
    this.session.tell(event, whole);
    this.#server.tell(event, whole);
  }

  /** Tells the host of a fault. */
  report(error: unknown): void {
    this.tell("error", { error });
  }

  /** Asks the host. A listener that fails refuses. Gives the refusal, `undefined` for a yes: at once where nobody listens. */
  ask<Name extends keyof QuestionEvents<Session>>(
    event: Name,
    question: QuestionEvents<Session>[Name] & SessionQuestion<Session>,
    signal?: AbortSignal,
  ): Awaitable<Reply | undefined> {
    return this.hears(event) ? this.#ask(event, question, signal) : undefined;
  }

  async #ask(event: string, question: SessionQuestion<Session>, signal?: AbortSignal): Promise<Reply | undefined> {
    const asked = [this.session, this.#server] as unknown as readonly Asked<typeof question>[];
    try {
      await ask(asked, event, question, { timeout: this.settings.hookTimeout, signal: () => signal ?? this.signal });
    } catch (error) {
      (signal ?? this.signal).throwIfAborted();
      this.report(error);
      return question.ownRefusal;
    }
    if (this.control.finishing) throw new FtpError("CLOSED", "the session was closed meanwhile");
    return question.refusal;
  }

  /** Takes back what PORT, PASV, EPRT or EPSV offered. */
  withdrawOffer(): void {
    this.state.offer?.close();
    this.state.offer = undefined;
  }

  /** Forgets everything that the client set, login included (REIN, RFC 959 §4.1.1). */
  reset(): void {
    this.withdrawOffer();
    this.leaveAccount();
    this.state = freshState();
    this.security.accountRequires = "none";
  }

  /** Takes the session out of the bounds of its account. */
  leaveAccount(): void {
    const { who } = this.state;
    if (who.stage !== "admitted") return;
    this.allowance.logOut(who.scope);
    this.guard.left(who.countedAs);
  }

  /** Tells that a bound is reached; once of one that the client just waits for. */
  tellLimited({ limit, scope }: Reached): void {
    const slows = SLOWING.includes(limit);
    if (slows && this.#slowed?.has(limit)) return;
    if (slows) this.#slowed = (this.#slowed ?? new Set()).add(limit);
    this.tell("limited", { limit, scope });
  }

  get maxQueued(): number {
    return this.#queueBound.amount;
  }

  /** Where no command runs, those that wait are about to: nothing is held back. */
  queueFull(): void {
    if (this.busy || this.held !== undefined) this.tellLimited(this.#queueBound);
  }

  get #queueBound(): Bound {
    return this.allowance.within("queuedCommands", this.settings.maxQueuedCommands);
  }

  /** Ends the session with 421: at once, or after the transfer that runs. */
  end(ending: Ending): void {
    this.farewell ??= reply(421, ending.text ?? this.texts.shuttingDown);
    if (ending.drain !== true) this.transfer?.abort(new FtpError("CLOSED", "the session was closed"));
    const works = this.busy && !this.control.crossing;
    if (this.held === undefined && !(works && ending.drain)) this.sayFarewell();
    else if (ending.drain !== true) this.#lastCall ??= this.surrenderLater(this.settings.stallTimeout);
  }

  /** A transfer begins; where nobody waits any more it is over at once. */
  begin(transfer: Transfer): void {
    this.transfer = transfer;
    if (this.#reason !== undefined) transfer.abort(this.#reason());
  }

  /** The client is gone: whatever runs is to stop, but a commit, which has happened for the client. */
  abandon(reason: () => FtpError): void {
    this.transfer?.abort(reason());
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#abandoned?.abort(reason());
    this.patience.stop(reason);
  }

  /** A client that only sends no more may still read what is answered, but not for ever. */
  controlEnded(): void {
    this.transfer?.abort(lostControl());
    const { stallTimeout } = this.settings;
    // Where the socket is gone already, that was told first.
    if (this.control.destroyed || stallTimeout === 0) return;
    this.#leaving = setTimeout(() => this.abandon(lostControl), stallTimeout);
  }

  /** Whatever still runs for the client is to stop, also where the store keeps the loop waiting. */
  controlClosed(): void {
    this.abandon(lostControl);
    clearTimeout(this.#leaving);
    this.#leaving = this.surrenderLater(this.settings.stallTimeout);
    this.withdrawOffer();
    this.limits.clear();
  }

  hopelessLine(): void {
    this.end({ text: this.texts.lineTooLong });
  }

  /**
   * The host waits no longer, not even for what does not stop. The client still reads how what ran for it has ended, and
   * the 421, if it does so at once.
   */
  surrender(reason: FtpError): void {
    this.farewell ??= reply(421, this.texts.shuttingDown);
    this.abandon(() => reason);
    this.transferPatience?.giveUp(reason);
    this.patience.giveUp(reason);
    if (this.control.finishing) this.control.destroy();
    else this.#cutting ??= setTimeout(() => this.control.destroy(), LAST_WORDS_MS);
  }

  /** What does not stop, a commit too, gets this long; 0 is for ever. The timer is to be cleared. */
  surrenderLater(milliseconds: number): NodeJS.Timeout | undefined {
    if (milliseconds === 0) return undefined;
    return setTimeout(() => this.surrender(new FtpError("CLOSED", "the session is over")), milliseconds);
  }

  /** The session is over: no clock of it runs any more. */
  release(): void {
    clearTimeout(this.#lastCall);
    clearTimeout(this.#leaving);
    clearTimeout(this.#cutting);
    this.limits.clear();
    this.patience.clear();
  }

  /** Sends the farewell, if there is one, and lets the connection go. Where TLS comes first, nothing is said in clear. */
  sayFarewell(): void {
    const { options, negotiated } = this.security;
    // Behind a reply that TLS begins or ends with, the client no longer expects what we would say.
    const crossing = this.crossing !== undefined || this.control.crossing;
    const mayTalk = !this.control.finishing && !crossing && (negotiated || !options.implicit);
    if (this.farewell !== undefined && mayTalk) this.send(this.farewell);
    this.control.finish();
  }

  #expire(why: "login" | "idle"): void {
    if (why === "login") this.end({ text: this.texts.loginTooSlow });
    else if (this.held !== undefined || (this.busy && !this.control.crossing)) this.limits.touch();
    else this.end({ text: this.texts.idleTooLong });
  }
}

function lostControl(): FtpError {
  return new FtpError("CONTROL_LOST", "the client closed the control connection");
}
