/** The flags of passive mode, as the options of the library. Pure: touches neither disk nor network. */
import { isIPv4 } from "node:net";
import { Server } from "../index.js";
import { portRangeOf, UsageError } from "./values.js";

/** What the program was told of passive mode, in the words of the library. */
export interface PassiveSettings {
  readonly ports: readonly [first: number, last: number] | undefined;
  readonly advertise: readonly [first: number, last: number] | undefined;
  readonly address: string | Readonly<Record<string, string | undefined>> | undefined;
}

/** What the flags say. */
interface PassiveValues {
  readonly "pasv-ports"?: string | undefined;
  readonly "pasv-advertise"?: string | undefined;
  readonly "pasv-address"?: readonly string[] | undefined;
}

const EVERYBODY = "0.0.0.0/0";
/** The address that the client has come to. */
const AUTOMATIC = "auto";
const FLAG_OF = { ports: "--pasv-ports", advertise: "--pasv-advertise", address: "--pasv-address" } as const;

/** @throws UsageError */
export function passiveOf(values: PassiveValues): PassiveSettings {
  const passive = {
    ports: portRangeOf(FLAG_OF.ports, values["pasv-ports"]),
    advertise: portRangeOf(FLAG_OF.advertise, values["pasv-advertise"]),
    address: addressOf(values["pasv-address"] ?? []),
  };
  try {
    // The library knows what fits together, and a server opens nothing before it listens.
    void new Server({ passive });
  } catch (error) {
    throw new UsageError(
      (error as Error).message.replace(
        /passive\.(ports|advertise|address)/g,
        (_, name: keyof typeof FLAG_OF) => FLAG_OF[name],
      ),
    );
  }
  return passive;
}

/** Networks in the order in which they are given; who is in none of them is what is given without one. */
function addressOf(texts: readonly string[]): PassiveSettings["address"] {
  const rules = texts.map(ruleOf);
  const networks = rules.map(([network]) => network);
  const twice = networks.find((network, index) => networks.indexOf(network) < index);
  if (twice !== undefined) throw new UsageError(`--pasv-address is given twice for ${twice}`);
  const others = rules.find(([network]) => network === EVERYBODY);
  if (others !== undefined && rules.length === 1) return others[1];
  const inOrder = [...rules.filter((rule) => rule !== others), ...(others === undefined ? [] : [others])];
  return inOrder.length === 0 ? undefined : Object.fromEntries(inOrder);
}

function ruleOf(text: string): readonly [network: string, address: string | undefined] {
  const sign = text.indexOf("=");
  const [network, address] = sign === -1 ? [EVERYBODY, text] : [text.slice(0, sign), text.slice(sign + 1)];
  if (address === AUTOMATIC) return [network, undefined];
  // PASV has no room for others than IPv4 (RFC 959 §4.1.2).
  if (isIPv4(address) || /^(?=.*[a-z])[\w.-]+$/i.test(address)) return [network, address];
  throw new UsageError(
    `--pasv-address must be an IPv4 address such as 192.0.2.1, a host name, or auto, also behind NETWORK=, not ${JSON.stringify(text)}`,
  );
}
