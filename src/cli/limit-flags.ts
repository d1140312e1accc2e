/** `--limit`: bounds and bans by the names and in the units of the library. Pure: touches neither disk nor network. */
import { type LimitName, type LimitScope, type Limits, Server, type ServerOptions } from "../index.js";
import { UsageError } from "./values.js";

/** What the program was told of bounds and bans, in the words of the library. */
export interface LimitSettings extends Pick<ServerOptions, "limits" | "bans" | "listing" | SingleName> {
  /** For each listener by itself. */
  readonly listener?: Limits | undefined;
}

/** Bounds that are one number each. */
const SINGLE = ["loginDelay", "maxLoginAttempts", "maxQueuedCommands", "maxUnknownCommands"] as const;
type SingleName = (typeof SINGLE)[number];
/** Bounds of several numbers that are not for somebody. */
const ASIDE = ["listing", "listener"] as const;

/** What the options of the library are, where only some of them are given. */
type Groups = Record<string, Record<string, number>>;

/** Bans are off as the library says it. */
const BANS_OFF = { after: 0 };
/** Rates of what several clients share. One session is in one process. */
const RATES: readonly LimitName[] = ["commandRate", "downloadRate", "uploadRate"];
const SHARED: readonly LimitScope[] = ["server", "address", "account"];
/** What is counted for a listener is counted in each process alone. */
const COUNTS: readonly LimitName[] = ["sessions", "pending", "transfers"];

/** @throws UsageError */
export function limitsOf(texts: readonly string[] = []): LimitSettings {
  const limits: Groups = {};
  const bans: Record<string, number> = {};
  const single: { [Name in SingleName]?: number } = {};
  const aside: Groups = {};
  for (const text of texts) {
    const { group, name, value } = ruleOf(text);
    const alone = SINGLE.find((one) => one === group);
    if (alone !== undefined && name === undefined) single[alone] = value;
    else if (name !== undefined && ASIDE.some((one) => one === group))
      aside[group] = { ...aside[group], [name]: value };
    else if (group === "bans" && name === undefined && value === 0) Object.assign(bans, BANS_OFF);
    else if (group === "bans" && name !== undefined) bans[name] = value;
    else if (name !== undefined) limits[group] = { ...limits[group], [name]: value };
    else
      throw new UsageError(
        `--limit ${group}: there is no such bound; a whole name is needed, such as address.sessions or bans.after`,
      );
  }
  const settings = { limits, bans, loginDelay: undefined, ...single, ...aside };
  try {
    // The library knows its bounds, and a server opens nothing before it listens.
    const { listener, ...others } = settings as LimitSettings;
    void new Server({ ...others, listeners: [{ limits: listener }] });
  } catch (error) {
    throw new UsageError(`--limit: ${(error as Error).message}`);
  }
  return settings;
}

/**
 * The bounds of one worker of several: sessions and transfers are counted for all of them, rates are divided, and of a
 * listener both.
 */
export function shareOfLimits(settings: LimitSettings, workers: number): LimitSettings {
  const groups: readonly (readonly [string, Limits | undefined])[] = Object.entries(settings.limits ?? {});
  const limits = groups.map(([scope, bounds = {}]) => {
    if (!SHARED.includes(scope as LimitScope)) return [scope, bounds] as const;
    return [scope, divided(bounds, RATES, workers)] as const;
  });
  const { listener } = settings;
  return {
    ...settings,
    limits: Object.fromEntries(limits),
    ...(listener && { listener: divided(listener, [...RATES, ...COUNTS], workers) }),
  };
}

function divided(bounds: Limits, names: readonly LimitName[], workers: number): Limits {
  const each = Object.entries<number | undefined>({ ...bounds }).map(([name, value = 0]): [string, number] =>
    names.includes(name as LimitName) ? [name, Math.ceil(value / workers)] : [name, value],
  );
  return Object.fromEntries(each);
}

function ruleOf(text: string): { readonly group: string; readonly name: string | undefined; readonly value: number } {
  const [, group = "", name, value = ""] = /^([a-zA-Z]+)(?:\.([a-zA-Z]+))?=(\d{1,16}|off)$/.exec(text) ?? [];
  if (group !== "") return { group, name, value: value === "off" ? 0 : Number(value) };
  throw new UsageError(
    `--limit must be NAME=NUMBER or NAME=off, such as address.sessions=20 or bans=off, not ${JSON.stringify(text)}`,
  );
}
