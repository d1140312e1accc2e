/** Who may come in at a place, and whose word on that is taken: the options `proxy`, `allow` and `deny`, and the checks. */
import { TrustedProxies } from "../channel/proxied.js";
import { Networks } from "../wire/network.js";
import { known, milliseconds, optional } from "./checks.js";

/** Proxies in front of a listener that send a PROXY header, version 1 or 2, before everything else, TLS too. */
export interface ProxyOptions {
  /** The addresses and networks of the proxies, e.g. `10.0.0.0/24`: whoever is in one of them can pretend to be anybody. */
  readonly from: readonly string[];
  /** Whether nobody else may connect. With `false` others are served too, under their own address. Default `true`. */
  readonly required?: boolean | undefined;
  /** Whether passive ports are behind the proxies too: then data connections of theirs begin with a header. Default `false`. */
  readonly passive?: boolean | undefined;
  /** Until the header is there, 0 to 2^31-1 milliseconds; 0 is off. Default 5000. */
  readonly timeout?: number | undefined;
}

/** Who may come in at a place. Networks are in CIDR notation: `192.0.2.0/24`, `2001:db8::/32`, or one address. */
export interface EntranceOptions {
  /** The proxies in front, of which each client's address is learnt. Of a listener: instead of the server's. Default: none. */
  readonly proxy?: ProxyOptions | undefined;
  /** The networks that clients may come from. Of a listener: besides being in the server's. Default: all. */
  readonly allow?: readonly string[] | undefined;
  /** The networks that clients may not come from, also where `allow` has them. Of a listener: besides the server's. Default: none. */
  readonly deny?: readonly string[] | undefined;
}

/** Every option, so that a misspelt one is not silently off. */
export const ENTRANCE_OPTIONS: readonly string[] = ["proxy", "allow", "deny"];

/** The proxies in front of a place. */
export interface Proxies {
  readonly trusted: TrustedProxies;
  readonly required: boolean;
  readonly passive: boolean;
}

interface Lists {
  readonly allow: Networks | undefined;
  readonly deny: Networks | undefined;
}

/** Who may come in at a place, complete. */
export class Entrance {
  readonly proxies: Proxies | undefined;
  readonly #lists: readonly Lists[];

  /**
   * @param around what the server says for all its places
   * @throws TypeError, RangeError naming the option
   */
  constructor({ proxy, allow, deny }: EntranceOptions, prefix: string, around?: Entrance) {
    const lists = { allow: networksOf(`${prefix}allow`, allow), deny: networksOf(`${prefix}deny`, deny) };
    const outer = around === undefined ? [] : around.#lists;
    this.#lists = allow === undefined && deny === undefined ? outer : [...outer, lists];
    this.proxies = proxy === undefined ? around?.proxies : proxiesOf(`${prefix}proxy`, proxy);
  }

  /** Whether everybody may come in, and comes without a proxy. */
  get isOpen(): boolean {
    return this.proxies === undefined && this.#lists.length === 0;
  }

  /** The list that keeps a client out; `undefined` for none. An address that nobody knows is in no network. */
  refusal(address: string | undefined): "deny" | "allow" | undefined {
    const client = address ?? "";
    if (this.#lists.some(({ deny }) => deny?.has(client))) return "deny";
    return this.#lists.every(({ allow }) => allow === undefined || allow.has(client)) ? undefined : "allow";
  }
}

function proxiesOf(name: string, options: ProxyOptions): Proxies {
  known(name, options, ["from", "required", "passive", "timeout"]);
  const from = networksOf(`${name}.from`, options.from);
  if (from === undefined || options.from.length === 0)
    throw new TypeError(`${name}.from must name at least one address or network, such as 10.0.0.0/24`);
  return {
    trusted: new TrustedProxies(from, milliseconds(`${name}.timeout`, options.timeout, 5000)),
    required: optional(`${name}.required`, options.required, "boolean") ?? true,
    passive: optional(`${name}.passive`, options.passive, "boolean") ?? false,
  };
}

/** Networks in CIDR notation. @throws TypeError, RangeError naming the option */
function networksOf(name: string, texts: readonly string[] | undefined): Networks | undefined {
  if (texts === undefined) return undefined;
  if (!Array.isArray(texts) || texts.some((text: unknown) => typeof text !== "string"))
    throw new TypeError(`${name} must be an array of addresses and networks, such as ["10.0.0.0/24", "2001:db8::1"]`);
  try {
    return new Networks(texts);
  } catch (cause) {
    throw new RangeError(`${name}: ${(cause as Error).message}`, { cause });
  }
}
