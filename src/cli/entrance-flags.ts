/** The flags that say who may come in, as the options of the library. Pure: touches neither disk nor network. */
import { Server } from "../index.js";
import { UsageError } from "./values.js";

/** What the program was told of who may come in, in the words of the library. */
export interface EntranceSettings {
  readonly proxy: { readonly from: readonly string[]; readonly passive: boolean } | undefined;
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[] | undefined;
  readonly bans: { readonly exempt: readonly string[] } | undefined;
}

/** What the flags say. */
interface EntranceValues {
  readonly "proxy-from"?: readonly string[] | undefined;
  readonly "proxy-passive"?: boolean | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly "ban-exempt"?: readonly string[] | undefined;
}

/** The flags by the options that they are. */
const FLAG_OF: Readonly<Record<string, string>> = { "proxy.from": "--proxy-from", "bans.exempt": "--ban-exempt" };

/** @throws UsageError */
export function entranceOf(values: EntranceValues): EntranceSettings {
  const { "proxy-from": from, "proxy-passive": passive = false, allow, deny, "ban-exempt": exempt } = values;
  if (passive && from === undefined) throw new UsageError("--proxy-passive needs the proxies: --proxy-from CIDR");
  const entrance = { proxy: from && { from, passive }, allow, deny, bans: exempt && { exempt } };
  try {
    // The library knows what a network is, and a server opens nothing before it listens.
    void new Server(entrance);
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/^([a-z.]+)(?:\[\d+\])?(?=: )/, flagOf));
  }
  return entrance;
}

function flagOf(_entry: string, option: string): string {
  return FLAG_OF[option] ?? `--${option}`;
}
