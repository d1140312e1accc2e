/**
 * The address that PASV tells a client to connect to (RFC 959 §4.1.2): the same for all, by the client's network, by
 * the host's function, or the one that the client has reached us by. One for each server. Knows no ports.
 */
import { isIPv4 } from "node:net";
import { FtpError } from "../errors.js";
import { inTime } from "../events/deadline.js";
import { isUnicast } from "../wire/address.js";
import { hostName } from "../wire/host-name.js";
import { Networks } from "../wire/network.js";
import { isPrivate } from "../wire/private-address.js";
import { PassiveName } from "./passive-name.js";
import type { SessionView } from "./view.js";

/**
 * The address that PASV tells clients: an IPv4 address; a host name, asked for again every minute; one of these for
 * each network of clients, where the first that the client is in counts, and `undefined` is the automatic one; or a
 * function, which may be async and gives an IPv4 address or `undefined`.
 */
export type PassiveAddress<Client extends SessionView = SessionView> =
  | string
  | Readonly<Record<string, string | undefined>>
  | ((session: Client) => string | undefined | Promise<string | undefined>);

/** What an address is found with. */
export interface AddressBounds {
  /** For the host's function, in milliseconds; 0 is no bound. */
  readonly timeout: number;
  /** Told of a name that could not be asked for, where its last address is told instead. */
  readonly onFailure: (error: unknown) => void;
}

/** What is told to the clients of a network; `undefined` is the address that they have reached us by. */
type Choice = string | PassiveName | undefined;
type Rule = readonly [network: Pick<Networks, "has">, choice: Choice];

const EVERYBODY: Rule[0] = { has: () => true };

/** What the option says, for every client of a server. */
export class AdvertisedAddress {
  readonly #ask: ((session: SessionView) => string | undefined | Promise<string | undefined>) | undefined;
  readonly #rules: readonly Rule[];
  #hinted = false;

  /** @throws TypeError, RangeError naming the option */
  constructor(option?: PassiveAddress) {
    this.#ask = typeof option === "function" ? option : undefined;
    this.#rules = typeof option === "function" ? [] : rulesOf(option);
  }

  /**
   * The IPv4 address for a client.
   * @throws FtpError `BAD_ADDRESS` where there is none that PASV could tell
   */
  async of(session: SessionView, { timeout, onFailure }: AddressBounds): Promise<string> {
    const [, choice] = this.#rules.find(([network]) => network.has(session.remoteAddress)) ?? [];
    const chosen =
      this.#ask !== undefined
        ? await callHost(() => this.#ask?.(session), timeout)
        : choice instanceof PassiveName
          ? await askFor(choice, onFailure)
          : choice;
    const host = chosen ?? session.localAddress;
    if (isHost(host)) return host;
    throw new FtpError("BAD_ADDRESS", `passive.address must give the IPv4 address of a host, not ${host}`);
  }

  /** What is wrong with telling this address to that client, said once; `undefined` for nothing. */
  hint({ remoteAddress }: SessionView, advertised: string): string | undefined {
    if (this.#hinted || !isPrivate(advertised) || isPrivate(remoteAddress)) return undefined;
    this.#hinted = true;
    return `PASV tells clients on the internet to connect to ${advertised}, which they cannot: set passive.address to the public address`;
  }
}

/** @throws TypeError, RangeError naming the option */
function rulesOf(option: Exclude<PassiveAddress, (...args: never) => unknown> | undefined): readonly Rule[] {
  if (option === undefined) return [];
  if (typeof option === "string") return [[EVERYBODY, choiceOf("passive.address", option)]];
  if (typeof option !== "object" || option === null || Array.isArray(option))
    throw new TypeError(`passive.address must be ${ALLOWED}, a map of networks to these, or a function`);
  return Object.entries(option).map(([network, choice]) => {
    const name = `passive.address[${JSON.stringify(network)}]`;
    return [networkOf(network), choice === undefined ? undefined : choiceOf(name, choice)];
  });
}

const ALLOWED = "the IPv4 address of a host, a host name";

function networkOf(text: string): Networks {
  try {
    return new Networks([text]);
  } catch (error) {
    throw new RangeError(`passive.address: ${(error as Error).message}`);
  }
}

function choiceOf(name: string, value: unknown): Choice {
  if (typeof value === "string" && isHost(value)) return value;
  const asked = typeof value === "string" && !isIPv4(value) ? hostName(value) : undefined;
  if (asked === undefined || asked.includes(":"))
    throw new TypeError(`${name} must be ${ALLOWED}, or undefined, not ${String(value)}`);
  return new PassiveName(asked);
}

/** Whether PASV can tell it and a client connect to it. */
function isHost(address: string): boolean {
  return isIPv4(address) && isUnicast(address);
}

async function askFor(name: PassiveName, onFailure: (error: unknown) => void): Promise<string> {
  try {
    return await name.address(onFailure);
  } catch (cause) {
    throw new FtpError("BAD_ADDRESS", `passive.address: no address of ${name.name}`, { cause });
  }
}

async function callHost<Value>(call: () => Value | Promise<Value>, timeout: number): Promise<Value> {
  const late = (): Error => new Error(`passive.address did not settle in ${timeout} ms`);
  try {
    return await inTime(Promise.resolve(call()), timeout, late);
  } catch (cause) {
    throw new FtpError("BAD_ADDRESS", "passive.address failed", { cause });
  }
}
