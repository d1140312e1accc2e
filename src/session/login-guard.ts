/** What a session asks of the server about logins: what a failed one leads to, and the bounds of accounts. */
import type { Limits } from "../limits/limits.js";
import type { Scope } from "../limits/scope.js";

/** What comes of a failed login. */
export interface Consequence {
  /** Milliseconds until it is answered. */
  readonly delay: number;
  /** Milliseconds for which this one has banned the address; 0: it has not. */
  readonly banned: number;
  /** Whether the address is banned now, whoever has done it. */
  readonly out: boolean;
  /** What the ban shows of the options, told once; `undefined` for nothing. */
  readonly hint: string | undefined;
}

/** Keeps count of logins for all sessions. */
export interface LoginGuard {
  /** Whether an address is banned. At once, where the store is. Never rejects. */
  isBanned(address: string): boolean | Promise<boolean>;
  /** A login has failed. Never rejects. */
  failed(address: string, username: string): Promise<Consequence>;
  /** The scope of an account, by which it is counted. @param limits what `login.accept` gave */
  account(countedAs: string, limits: Limits | undefined): Scope;
  /** A session has left an account, or could not come in. */
  left(countedAs: string): void;
}
