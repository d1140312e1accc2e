/** The options that bound clients: `limits`, `bans`, `loginDelay`, and the checks. */
import { isIP } from "node:net";
import type { BanSettings } from "../limits/abuse.js";
import { addressKey } from "../limits/address-key.js";
import type { AdmissionStore } from "../limits/admission-store.js";
import { checkLimits, type Limits } from "../limits/limits.js";
import { Networks, parseNetwork } from "../wire/network.js";
import { integer, known, milliseconds } from "./checks.js";
import { descriptorLimit } from "./descriptors.js";

/** Bounds by whom they are for. Each bound is an integer; 0 is none. */
export interface LimitOptions {
  /**
   * For all clients together. Default: 25,000 `sessions`, or as many as half of the descriptors that the process may have open,
   * where those are fewer; half of all `sessions`, but 50 or more, of them `pending`.
   */
  readonly server?: Limits | undefined;
  /**
   * For each address; an IPv6 address counts by its first 64 bits. Default: as many `sessions`, and as many of them `pending`, as
   * are left for all others, but 100 or more.
   */
  readonly address?: Limits | undefined;
  /** For each account, by the name that USER gave, and the host that a `host` listener accepted; `login.accept({ limits })` goes before it. Default: none. */
  readonly account?: Limits | undefined;
  /** For each session. Default: none. */
  readonly session?: Limits | undefined;
}

/** When an address is banned for failed logins, and for how long. Times in milliseconds, up to 2^31-1. */
export interface BanOptions {
  /** Failed logins from one address within `window`, 0 to 1,000,000; 0 bans nobody. Default 10. */
  readonly after?: number | undefined;
  /** How long a failed login counts, 1000 or more. Default 600,000: ten minutes. */
  readonly window?: number | undefined;
  /** The first ban, 1000 or more; each one within a day of the last lasts twice as long. Default 600,000. */
  readonly duration?: number | undefined;
  /** The longest ban, at least `duration`. Default 86,400,000: a day. */
  readonly longest?: number | undefined;
  /**
   * Addresses and networks in CIDR notation whose failed logins are delayed but never ban them: balancers without a PROXY
   * header, monitors, the NAT of an office. Of an IPv6 address the first 64 bits count. `server.ban` bans them all the
   * same. Default: none.
   */
  readonly exempt?: readonly string[] | undefined;
}

/** What a server can be told about limits and bans. */
export interface AdmissionOptions {
  readonly limits?: LimitOptions | undefined;
  readonly bans?: BanOptions | undefined;
  /**
   * Until a failed login is answered, 0 to 60,000 milliseconds; each further one from the address, or under the name, takes
   * twice as long, at most ten times this. Default 500.
   */
  readonly loginDelay?: number | undefined;
  /**
   * Where failed logins and bans are counted, so that several servers can share them. In another store than a
   * `MemoryAdmissionStore`, `sessions`, `pending` and `transfers` of server, address and account are counted for all who
   * share it. Default: a `MemoryAdmissionStore`.
   */
  readonly admission?: AdmissionStore | undefined;
}

/** Every option, so that a misspelt one is not silently off. */
export const ADMISSION_OPTIONS: readonly string[] = ["limits", "bans", "loginDelay", "admission"];

/** The bounds of all kinds, complete. */
export type LimitSettings = { readonly [Kind in keyof LimitOptions]-?: Limits };

const MAX_TIME = 2 ** 31 - 1;
/** Some KiB each. */
const MOST_SESSIONS = 25_000;
/** A session may have a data connection besides, and a file. */
const DESCRIPTORS_EACH = 2;
const FEW_PENDING = 50;
/** Bits of an IPv6 address that count. */
const KEY_BITS = 64;
/** What a list of clients is made of. */
const NETWORKS = 'addresses and networks, such as ["10.0.0.0/24", "2001:db8::1"]';

/** @throws TypeError, RangeError naming the option */
export function limitSettings(limits: LimitOptions = {}): LimitSettings {
  known("limits", limits, ["server", "address", "account", "session"]);
  return {
    server: serverLimits(checkLimits("limits.server", limits.server ?? {})),
    address: checkLimits("limits.address", limits.address ?? {}),
    account: checkLimits("limits.account", limits.account ?? {}),
    session: checkLimits("limits.session", limits.session ?? {}),
  };
}

/**
 * Who does not log in must not keep out who would: half of the places are not for him. Few places are not halved, as many
 * may well connect at one moment; and where sessions have no bound, nobody wants one.
 */
function serverLimits(limits: Limits): Limits {
  const { sessions = mostSessions() } = limits;
  const half = sessions === 0 ? 0 : Math.max(FEW_PENDING, Math.ceil(sessions / 2));
  return { ...limits, sessions, pending: limits.pending ?? half };
}

/** Who waits for a descriptor is not even refused. */
function mostSessions(): number {
  const descriptors = descriptorLimit() ?? Number.POSITIVE_INFINITY;
  return Math.min(MOST_SESSIONS, Math.floor(descriptors / DESCRIPTORS_EACH));
}

/** @throws TypeError, RangeError naming the option */
export function banSettings(bans: BanOptions = {}): BanSettings {
  known("bans", bans, ["after", "window", "duration", "longest", "exempt"]);
  const time = (option: "window" | "duration" | "longest", fallback: number, least: number) =>
    integer(`bans.${option}`, bans[option], fallback, least, MAX_TIME, " milliseconds");
  const duration = time("duration", 600_000, 1000);
  return {
    after: integer("bans.after", bans.after, 10, 0, 1_000_000),
    window: time("window", 600_000, 1000),
    duration,
    longest: time("longest", Math.max(duration, 86_400_000), duration),
    exempt: exemptOf(bans.exempt),
  };
}

/** @throws TypeError, RangeError naming the entry */
function exemptOf(texts: readonly string[] = []): Networks {
  if (!Array.isArray(texts)) throw new TypeError(`bans.exempt must be an array of ${NETWORKS}`);
  return new Networks(texts.flatMap((text: unknown, index) => exemption(`bans.exempt[${index}]`, text)));
}

/** The networks that are meant: what is banned as one is exempt as one. */
function exemption(name: string, text: unknown): readonly string[] {
  if (typeof text !== "string") throw new TypeError(`${name} must be one of ${NETWORKS}, not ${typeof text}`);
  try {
    const { family, prefix } = parseNetwork(text);
    const [address = ""] = text.split("/");
    return family === 6 && prefix > KEY_BITS ? [text, addressKey(address)] : [text];
  } catch (cause) {
    throw new RangeError(`${name}: ${(cause as Error).message}`, { cause });
  }
}

/** @throws TypeError, RangeError naming the option */
export function loginDelayOf(delay: number | undefined): number {
  const checked = milliseconds("loginDelay", delay, 500);
  if (checked > 60_000) throw new RangeError(`loginDelay must be from 0 to 60000 milliseconds, not ${checked}`);
  return checked;
}

/** An address to ban. @throws TypeError */
export function checkAddress(address: string): string {
  if (isIP(address) === 0) throw new TypeError(`address must be an IPv4 or IPv6 address, not ${address}`);
  return address;
}

/** The time of a ban. @throws TypeError, RangeError */
export function checkDuration(time: number): number {
  if (time === undefined) throw new TypeError("milliseconds must be a number, not undefined");
  return integer("milliseconds", time, 0, 1, Number.MAX_SAFE_INTEGER);
}

/** @throws TypeError */
export function checkStore(store: AdmissionStore | undefined): AdmissionStore | undefined {
  const methods = ["get", "increment", "expire"] as const;
  if (store !== undefined && methods.some((method) => typeof store?.[method] !== "function"))
    throw new TypeError("admission must have the methods get, increment and expire");
  return store;
}
