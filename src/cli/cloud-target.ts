/** Which bucket or container the flags name. Pure: touches neither environment nor network. */
import { UsageError } from "./values.js";

/** The stores in a cloud, by their flags. */
export const CLOUDS = ["s3", "azure", "gcs"] as const;

/** A bucket or container, and what of it is served. */
export interface CloudTarget {
  readonly cloud: (typeof CLOUDS)[number];
  /** The bucket or container. */
  readonly name: string;
  /** Names joined by `/`; empty for all of it. */
  readonly prefix: string;
  /** A URL; `undefined` for the provider's own. */
  readonly endpoint: string | undefined;
}

/** The flags that name a store, as they were given. */
export type StoreFlags = Readonly<Partial<Record<CloudTarget["cloud"] | "endpoint", string>>> & {
  readonly memory?: boolean;
};

/** What the flags name; `undefined` for none. @throws UsageError */
export function cloudOf(flags: StoreFlags): CloudTarget | undefined {
  const endpoint = endpointOf(flags.endpoint);
  const given = CLOUDS.filter((cloud) => flags[cloud] !== undefined);
  const [cloud] = given;
  const stores = flags.memory ? ["memory", ...given] : given;
  if (stores.length > 1) throw new UsageError(`give one store, not ${flagsOf(stores)}`);
  if (cloud !== undefined) return { cloud, ...placeOf(cloud, flags[cloud] ?? ""), endpoint };
  if (endpoint !== undefined)
    throw new UsageError(`--endpoint needs a store: ${flagsOf(CLOUDS).replace(" and", " or")}`);
  return undefined;
}

/** NAME or NAME/PREFIX. */
function placeOf(cloud: CloudTarget["cloud"], text: string): Pick<CloudTarget, "name" | "prefix"> {
  const [, name = "", prefix = ""] = /^([^/\s]+)(?:\/(.*))?$/s.exec(text) ?? [];
  const components = prefix.replace(/\/$/, "").split("/");
  const wrong = components.some((component, index) => /^\.{0,2}$/.test(component) && (index > 0 || prefix !== ""));
  if (name !== "" && !wrong) return { name, prefix };
  throw new UsageError(`--${cloud} must be NAME or NAME/PREFIX, as in incoming/devices, not ${JSON.stringify(text)}`);
}

/** An absolute URL, without what would be lost of it. */
function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { protocol, search, hash, username } = URL.canParse(text) ? new URL(text) : new URL("nothing:");
  if (/^https?:$/.test(protocol) && `${search}${hash}${username}` === "") return text;
  // The text is not shown: it may hold a password or a signature.
  throw new UsageError("--endpoint must be a URL such as https://storage.example.org:9000, without user and query");
}

function flagsOf(names: readonly string[]): string {
  const flags = names.map((name) => `--${name}`);
  return `${flags.slice(0, -1).join(", ")} and ${flags.at(-1)}`;
}
