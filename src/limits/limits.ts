/** How much at once, how fast, how large: what can be bounded, for whatever it is bounded. Knows no FTP. */

/**
 * What can be bounded. Each is an integer; 0 is no bound. From `uploadSize` on each is for one by itself, whomever it is
 * given for, and the lowest counts, the options of the server among them.
 */
export interface Limits {
  /** Sessions at once. Beyond, a connection is answered with 421, a login with 530. */
  readonly sessions?: number | undefined;
  /** Sessions at once in which nobody has logged in yet. Beyond, a connection is answered with 421. Not for accounts. */
  readonly pending?: number | undefined;
  /** Transfers at once, listings among them. Beyond, 450. */
  readonly transfers?: number | undefined;
  /** Commands a second, twice as many after a pause. Beyond, they wait. */
  readonly commandRate?: number | undefined;
  /** Bytes a second that all downloads and listings together may have. */
  readonly downloadRate?: number | undefined;
  /** Bytes a second that all uploads together may have. */
  readonly uploadRate?: number | undefined;
  /** Bytes of one upload. Beyond, 552, and nothing of it is kept. */
  readonly uploadSize?: number | undefined;
  /** Failed logins of one connection, as `maxLoginAttempts`. At the last one, 421. Not for accounts. */
  readonly loginAttempts?: number | undefined;
  /** Commands of one session that wait behind one that runs, as `maxQueuedCommands`. Beyond, they stay in the network. */
  readonly queuedCommands?: number | undefined;
  /** Levels of directories that one `LIST -R` enters, as `listing.maxDepth`. Beyond, its 226 says that it was cut. */
  readonly listingDepth?: number | undefined;
  /**
   * Entries of one listing, of every kind. Beyond, `LIST -R` and STAT are cut, and say so; the listing of one directory over
   * a data connection ends with 451.
   */
  readonly listingEntries?: number | undefined;
  /** Milliseconds that the store may be at work for one listing, of every kind. Beyond, as for `listingEntries`. */
  readonly listingTime?: number | undefined;
}

/** The name of a bound. */
export type LimitName = keyof Limits;

/** Whom a bound is for. */
export type LimitScope = "server" | "listener" | "address" | "account" | "session";

/** Every bound by name. */
const LIMIT_NAMES: readonly LimitName[] = [
  "sessions",
  "pending",
  "transfers",
  "commandRate",
  "downloadRate",
  "uploadRate",
  "uploadSize",
  "loginAttempts",
  "queuedCommands",
  "listingDepth",
  "listingEntries",
  "listingTime",
];

/** A bound that was reached, and whose it is: what an option of the server says of each session by itself is the session's. */
export interface Reached {
  readonly limit: LimitName;
  readonly scope: LimitScope;
}

/** What is counted at once. */
export type Counted = "sessions" | "pending" | "transfers";

/** What flows at a rate. */
export const RATES = ["commandRate", "downloadRate", "uploadRate"] as const satisfies readonly LimitName[];

/** What flows at a rate. */
export type Rate = (typeof RATES)[number];

/** Bounds that were given. @throws TypeError, RangeError naming the bound */
export function checkLimits(name: string, limits: Limits): Limits {
  if (typeof limits !== "object" || limits === null) throw new TypeError(`${name} must be an object`);
  for (const [limit, value] of Object.entries(limits)) {
    if (!LIMIT_NAMES.includes(limit as LimitName))
      throw new TypeError(`unknown option ${name}.${limit}; known are ${LIMIT_NAMES.join(", ")}`);
    if (value === undefined) continue;
    const allowed = `${name}.${limit} must be an integer from 0 to 2^53-1, 0 for no bound`;
    // "20" of the environment looks like 20.
    if (typeof value !== "number") throw new TypeError(`${allowed}, not ${typeof value}`);
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${allowed}, not ${value}`);
  }
  return limits;
}

/** A bound that an option of the server sets, 0 for none. @returns `Infinity` for none */
export function unlessOff(amount: number): number {
  return amount === 0 ? Number.POSITIVE_INFINITY : amount;
}
