/** What one session may: the scopes that it is in, asked together. Knows no sockets and no FTP. */
import type { Counted, LimitName, Rate, Reached } from "./limits.js";
import type { Scope } from "./scope.js";
import type { Share } from "./share.js";

/** A bound of an amount, and whose it is. */
export interface Bound extends Reached {
  readonly amount: number;
}

const NONE: readonly Scope[] = [];

/** At once; where others count too, when they have been asked. */
type Awaitable<Value> = Value | Promise<Value>;

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
    return settled(enter(["sessions", "pending"], this.#scopes), (reached) => {
      this.#begun = this.#pending = reached === undefined;
      return reached;
    });
  }

  /** Somebody is in, and has a scope of the account. @returns the bound that is reached; then nothing has changed */
  logIn(account: Scope): Awaitable<Reached | undefined> {
    return settled(enter(["sessions"], [account]), (reached) => {
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
    return settled(enter(["transfers"], scopes), (reached) => {
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
    return this.#scopes.find(({ kind }) => kind === "address")?.share;
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
  const entered: { readonly what: Counted; readonly scope: Scope; readonly free: Awaitable<boolean> }[] = [];
  const refuse = (what: Counted, { kind }: Scope): Reached => {
    for (const each of entered) each.scope.leave(each.what);
    return { limit: what, scope: kind };
  };
  for (const what of whats)
    for (const scope of scopes) {
      const free = scope.enter(what);
      if (free === false) return refuse(what, scope);
      entered.push({ what, scope, free });
    }
  if (entered.every(({ free }) => free === true)) return undefined;
  return Promise.all(entered.map(async ({ free }) => free)).then((answers) => {
    const full = entered[answers.indexOf(false)];
    return full && refuse(full.what, full.scope);
  });
}

function settled<Value, Result>(value: Awaitable<Value>, next: (value: Value) => Result): Awaitable<Result> {
  return value instanceof Promise ? (async () => next(await value))() : next(value);
}

function leave(what: Counted, scopes: readonly Scope[]): void {
  for (const scope of scopes) scope.leave(what);
}
