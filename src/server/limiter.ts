/** Who may come in now: bounds by server, listener and address, and bans. One for each server. Knows no commands. */
import { Abuse } from "../limits/abuse.js";
import { addressKey } from "../limits/address-key.js";
import { Allowance } from "../limits/allowance.js";
import { digest } from "../limits/digest.js";
import type { Limits, Reached } from "../limits/limits.js";
import { MemoryAdmissionStore } from "../limits/memory-admission-store.js";
import { Scope } from "../limits/scope.js";
import { Scopes } from "../limits/scopes.js";
import { SharedCounts } from "../limits/shared-counts.js";
import { withinTime } from "../limits/within-time.js";
import type { Consequence, LoginGuard } from "../session/login-guard.js";
import type { Closed } from "./arrivals.js";
import {
  type AdmissionOptions,
  banSettings,
  checkStore,
  type LimitSettings,
  limitSettings,
  loginDelayOf,
} from "./limit-options.js";

/** A failed login takes at most so many times the delay of the first. */
const LONGEST_DELAY = 10;

/** Places that one address must not take from all others. */
const SHARED_PLACES = ["sessions", "pending"] as const;
/** So many any address may have: an office, a test. */
const FEW = 100;

/** The bounds and bans of a server. */
export class Limiter implements LoginGuard {
  readonly abuse: Abuse;
  readonly #settings: LimitSettings;
  readonly #loginDelay: number;
  readonly #report: (error: unknown) => void;
  readonly #counts: SharedCounts | undefined;
  readonly #server: Scope;
  readonly #addresses: Scopes;
  readonly #accounts: Scopes;
  #hinted = false;

  /**
   * @param report told of a store that fails: its clients are then let in as if nothing were known of them
   * @throws TypeError, RangeError naming the option
   */
  constructor(options: AdmissionOptions, report: (error: unknown) => void) {
    this.#settings = limitSettings(options.limits);
    this.#loginDelay = loginDelayOf(options.loginDelay);
    this.#report = report;
    const store = checkStore(options.admission) ?? new MemoryAdmissionStore();
    // Who is in this process is counted here, exactly and at once.
    const counts = store instanceof MemoryAdmissionStore ? undefined : new SharedCounts(store, report);
    this.#counts = counts;
    this.abuse = new Abuse(store, banSettings(options.bans));
    this.#server = new Scope("server", this.#settings.server, counts && { counts, name: "server" });
    this.#addresses = new Scopes("address", this.#settings.address, counts);
    this.#accounts = new Scopes("account", this.#settings.account, counts);
  }

  /**
   * Counts a client in. At once, where the store is; counted before, so that those who wait for a slow store have a bound.
   * @returns what it may, or why it may not come in
   */
  enter(address: string, listener: Scope): Allowance | Closed | Promise<Allowance | Closed> {
    const counted = this.#count(address, listener);
    if (!(counted instanceof Allowance || counted instanceof Promise)) return counted;
    const unlessBanned = (banned: boolean, known: Allowance | Reached): Allowance | Closed => {
      if (banned && known instanceof Allowance) this.leave(address, known);
      return banned ? "banned" : known;
    };
    const banned = this.isBanned(address);
    if (typeof banned === "boolean" && counted instanceof Allowance) return unlessBanned(banned, counted);
    return Promise.all([banned, counted]).then((both) => unlessBanned(...both));
  }

  /** Counts a client out. */
  leave(address: string, allowance: Allowance): void {
    allowance.end();
    this.#addresses.release(addressKey(address));
  }

  /** Resolves when others too know who has left. */
  async settled(): Promise<void> {
    await this.#counts?.settled();
  }

  async failed(address: string, username: string): Promise<Consequence> {
    try {
      const { count, banned, out } = await withinTime(this.abuse.failed(address, username));
      return { delay: this.#delayOf(count), banned, out, hint: banned > 0 ? this.#hintOf(address) : undefined };
    } catch (error) {
      this.#report(error);
      return { delay: this.#delayOf(1), banned: 0, out: false, hint: undefined };
    }
  }

  isBanned(address: string): boolean | Promise<boolean> {
    const open = (error: unknown): boolean => {
      this.#report(error);
      return false;
    };
    try {
      const banned = this.abuse.isBanned(address);
      return typeof banned === "boolean" ? banned : withinTime(banned).catch(open);
    } catch (error) {
      return open(error);
    }
  }

  account(countedAs: string, limits: Limits | undefined): Scope {
    return this.#accounts.of(this.#keyOf(countedAs), limits);
  }

  left(countedAs: string): void {
    this.#accounts.release(this.#keyOf(countedAs));
  }

  /** Nobody is to read names in a store, or to make long keys there. */
  #keyOf(account: string): string {
    return this.#counts === undefined ? account : digest(account);
  }

  #count(address: string, listener: Scope): Allowance | Reached | Promise<Allowance | Reached> {
    const { session } = this.#settings;
    const own = Object.keys(session).length === 0 ? [] : [new Scope("session", session)];
    const key = addressKey(address);
    const scope = this.#addresses.of(key);
    const crowding = this.#crowding(scope);
    if (crowding !== undefined) return crowding;
    const allowance = new Allowance([this.#server, listener, scope, ...own]);
    const orRefused = (reached: Reached | undefined): Allowance | Reached => {
      if (reached !== undefined) this.#addresses.release(key);
      return reached ?? allowance;
    };
    const reached = allowance.begin();
    return reached instanceof Promise ? reached.then(orRefused) : orRefused(reached);
  }

  /**
   * Where the host gives no bound for an address, it may have as many as are left for all others: whatever comes from how
   * many addresses, the next one finds room. On each machine of several it may have as many as are left of all that they share.
   */
  #crowding(scope: Scope): Reached | undefined {
    const { server } = this.#settings;
    const limit = SHARED_PLACES.find((what) => {
      const most = server[what] ?? 0;
      if (most === 0 || scope.limits[what] !== undefined) return false;
      return scope.count(what) >= Math.max(FEW, most - this.#server.total(what));
    });
    return limit && { limit, scope: "address" };
  }

  /** Where others from a banned address are logged in, it may be that of many clients. Said once. */
  #hintOf(address: string): string | undefined {
    const key = addressKey(address);
    const scope = this.#addresses.of(key);
    const loggedIn = scope.count("sessions") - scope.count("pending");
    this.#addresses.release(key);
    if (this.#hinted || loggedIn === 0) return undefined;
    this.#hinted = true;
    return `${address} was banned for failed logins while others from there are logged in: if it is a proxy, set proxy; if it is a NAT, a monitor or the like, set bans.exempt`;
  }

  #delayOf(count: number): number {
    return Math.min(this.#loginDelay * 2 ** Math.min(count - 1, 30), this.#loginDelay * LONGEST_DELAY);
  }
}
