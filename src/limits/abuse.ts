/**
 * Failed logins: counted by address and by name, answered ever later, and at last the address is banned, for ever longer
 * (RFC 2577 §5). A name is never locked: that would let anybody lock anybody out. Knows no sockets and no replies.
 */
import type { Networks } from "../wire/network.js";
import { addressKey } from "./address-key.js";
import type { AdmissionStore } from "./admission-store.js";
import { digest } from "./digest.js";

/** When an address is banned, and for how long. Times in milliseconds. */
export interface BanSettings {
  /** Failed logins from one address, within `window`, after which it is banned; 0 is never. */
  readonly after: number;
  /** How long a failed login counts. */
  readonly window: number;
  /** The first ban. Each one that follows within a day of the last lasts twice as long. */
  readonly duration: number;
  /** The longest ban. */
  readonly longest: number;
  /** Who is never banned for failed logins. */
  readonly exempt: Networks;
}

/** What one failed login has led to. */
export interface Failure {
  /** Failed logins within the window, this one among them: from this address, or under this name where those are more. */
  readonly count: number;
  /** How long this one has banned the address, in milliseconds; 0: it has not. */
  readonly banned: number;
  /** Whether the address is banned now, by this one or by another that was under way. */
  readonly out: boolean;
}

/** How long it is remembered that an address was banned, in milliseconds. */
const LEVEL_MS = 86_400_000;
/** Doublings of a ban beyond which no number of milliseconds goes. */
const MOST_DOUBLINGS = 52;

/** Counts failed logins and knows who is banned. Rejects where the store does. */
export class Abuse {
  readonly #store: AdmissionStore;
  readonly #bans: BanSettings;

  constructor(store: AdmissionStore, bans: BanSettings) {
    this.#store = store;
    this.#bans = bans;
  }

  /** Whether an address is banned. At once, where the store is. */
  isBanned(address: string): boolean | Promise<boolean> {
    const value = this.#store.get(`ban:${addressKey(address)}`);
    return typeof value === "number" ? value > 0 : Promise.resolve(value).then((number) => number > 0);
  }

  /** A login has failed. Names count wherever they come from, known or not. */
  async failed(address: string, username: string): Promise<Failure> {
    const key = addressKey(address);
    const { after, window, exempt } = this.#bans;
    const [byAddress, byName] = await Promise.all([
      this.#store.increment(`failures:${key}`, 1, window),
      this.#store.increment(`names:${shadeOf(username)}`, 1, window),
    ]);
    const out = after > 0 && byAddress >= after && !(exempt.has(address) || exempt.has(key));
    return { count: Math.max(byAddress, byName), banned: out ? await this.#banOnce(key) : 0, out };
  }

  /** Bans an address, or lets it stay banned, for so many milliseconds from now on. */
  async ban(address: string, milliseconds: number): Promise<void> {
    const key = addressKey(address);
    await this.#store.increment(`ban:${key}`, 1, milliseconds);
    await this.#store.expire(`ban:${key}`, milliseconds);
  }

  /** Lets an address in again, and forgets what it did. */
  async unban(address: string): Promise<void> {
    const key = addressKey(address);
    for (const kind of ["ban", "failures", "bans"]) await this.#store.expire(`${kind}:${key}`, 0);
  }

  /** Of several that fail at the same moment, on several machines too, one bans: otherwise one burst would be many bans. */
  async #banOnce(key: string): Promise<number> {
    const { duration, longest } = this.#bans;
    if ((await this.#store.increment(`ban:${key}`, 1, duration)) > 1) return 0;
    const level = await this.#store.increment(`bans:${key}`, 1, LEVEL_MS);
    const time = Math.min(longest, duration * 2 ** Math.min(level - 1, MOST_DOUBLINGS));
    await this.#store.expire(`bans:${key}`, time + LEVEL_MS);
    await this.#store.expire(`ban:${key}`, time);
    await this.#store.expire(`failures:${key}`, 0);
    return time;
  }
}

/**
 * What stands for a name: 18 bits of its digest. Thousands of likely names share one: it tells nobody the name, which
 * may be a password in the wrong place, and a flood of names has an end.
 */
function shadeOf(name: string): string {
  return digest(name, 3);
}
