/** What one session may: the scopes that it is in, asked together. Knows no sockets and no FTP. */
import { type Awaitable, following } from "../events/awaitable.js";
import type { Counted, LimitName, Rate, Reached } from "./limits.js";
import type { Scope } from "./scope.js";
import type { Share } from "./share.js";

/** A bound of an amount, and whose it is. */
export interface Bound extends Reached {
  readonly amount: number;
}

const NONE: readonly Scope[] = [];
const CONNECTED: readonly Counted[] = ["sessions", "pending"];
const LOGGED_IN: readonly Counted[] = ["sessions"];
const MOVING: readonly Counted[] = ["transfers"];

/** The scopes of one session, from its connection to its end. */
export class Allowance {
  #scopes: readonly Scope[];
  #pending = false;
  #begun = false;
  #ended = false;
  /** The scopes in which the transfer that runs is counted. */
  #transfer: readonly Scope[] = NONE;

  constructor(scopes: readonly Scope[]) {
    this.#scopes = scopes;
  }

  /** A client has connected. @returns the bound that is reached; then nothing is counted */
  begin(): Awaitable<Reached | undefined> {
    return following(enter(CONNECTED, this.#scopes), (reached) => {
      this.#begun = this.#pending = reached === undefined;
      return reached;
    });
  }

  /** Somebody is in, and has a scope of the account. @returns the bound that is reached; then nothing has changed */
  logIn(account: Scope): Awaitable<Reached | undefined> {
    return following(enter(LOGGED_IN, [account]), (reached) => {
      if (reached === undefined && this.#ended) account.leave("sessions");
      else if (reached === undefined) this.#addAccount(account);
      return reached;
    });
  }

  /** Nobody is in; what has connected counts as before its login again, without a bound. Does nothing behind `end`. */
  logOut(account: Scope): void {
    if (this.#ended) return;
    this.#scopes = this.#scopes.filter((scope) => scope !== account);
    account.leave("sessions");
    if (this.#begun && !this.#pending) for (const scope of this.#scopes) void scope.add("pending");
    this.#pending = this.#begun;
  }

  /** The session is over, that of its account too. What is still being asked for others is counted no more. */
  end(): void {
    this.#ended = true;
    this.endTransfer();
    this.#settle();
    if (this.#begun) leave("sessions", this.#scopes);
    this.#begun = false;
  }

  /** A transfer begins. @returns the bound that is reached; then nothing is counted */
  beginTransfer(): Awaitable<Reached | undefined> {
    const scopes = this.#scopes;
    return following(enter(MOVING, scopes), (reached) => {
      if (reached === undefined && this.#ended) leave("transfers", scopes);
      else if (reached === undefined) this.#transfer = scopes;
      return reached;
    });
  }

  endTransfer(): void {
    leave("transfers", this.#transfer);
    this.#transfer = NONE;
  }

  /** Takes of a rate, in every scope. @returns milliseconds to wait; 0: at once */
  take(rate: Rate, tokens: number): number {
    let wait = 0;
    for (const scope of this.#scopes) wait = Math.max(wait, scope.bucket(rate)?.take(tokens) ?? 0);
    return wait;
  }

  /** Gives back what was taken of a rate and will not be used, in every scope. */
  giveBack(rate: Rate, tokens: number): void {
    for (const scope of this.#scopes) scope.bucket(rate)?.giveBack(tokens);
  }

  /** The share of the address, for what every command computes. */
  get share(): Share | undefined {
    for (const { kind, share } of this.#scopes) if (kind === "address") return share;
    return undefined;
  }

  /** The lowest bound of an amount; `undefined` where there is none. */
  lowest(limit: LimitName): Bound | undefined {
    let lowest: Bound | undefined;
    for (const { kind, limits } of this.#scopes) {
      const amount = limits[limit] ?? 0;
      if (amount > 0 && amount < (lowest?.amount ?? Number.POSITIVE_INFINITY)) lowest = { limit, scope: kind, amount };
    }
    return lowest;
  }

  /** The lowest bound of an amount, where each session has one of its own too. @param own `Infinity` for none */
  within(limit: LimitName, own: number): Bound {
    const lowest = this.lowest(limit);
    return lowest !== undefined && lowest.amount <= own ? lowest : { limit, scope: "session", amount: own };
  }

  #addAccount(account: Scope): void {
    this.#settle();
    // Of the exact length; an array that is spread has room for more.
    this.#scopes = this.#scopes.concat(account);
  }

  #settle(): void {
    if (this.#pending) leave("pending", this.#scopes);
    this.#pending = false;
  }
}

/** Counts one more of each in every scope, or in none. Others are asked about all of it at once. */
function enter(whats: readonly Counted[], scopes: readonly Scope[]): Awaitable<Reached | undefined> {
  let entered = 0;
  let asked: Asked[] | undefined;
  for (const what of whats)
    for (const scope of scopes) {
      const free = scope.enter(what);
      if (free === false) return refused(whats, scopes, entered, { limit: what, scope: scope.kind });
      entered++;
      if (free !== true) (asked ??= []).push({ what, scope, free });
    }
  return asked && unlessFull(asked, (reached) => refused(whats, scopes, entered, reached));
}

/** What others are asked about. */
interface Asked {
  readonly what: Counted;
  readonly scope: Scope;
  readonly free: Promise<boolean>;
}

async function unlessFull(
  asked: readonly Asked[],
  refuse: (reached: Reached) => Reached,
): Promise<Reached | undefined> {
  const answers = await Promise.all(asked.map(({ free }) => free));
  const full = asked[answers.indexOf(false)];
  return full && refuse({ limit: full.what, scope: full.scope.kind });
}

/** Counts those out again that were counted in, in the same order. */
function refused(whats: readonly Counted[], scopes: readonly Scope[], entered: number, reached: Reached): Reached {
  let left = entered;
  for (const what of whats) for (const scope of scopes) if (left-- > 0) scope.leave(what);
  return reached;
}

function leave(what: Counted, scopes: readonly Scope[]): void {
  for (const scope of scopes) scope.leave(what);
}
