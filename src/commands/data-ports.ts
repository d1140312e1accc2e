/**
 * Where the next data connection goes (RFC 959 §4.1.2 PORT and PASV, RFC 2428 EPRT and EPSV), with the checks of
 * RFC 2577 §3: only to and from the peer of the control connection, never to a port below 1024.
 */
import { openActive } from "../channel/active-opening.js";
import { openPassive, type PassiveOpening } from "../channel/passive-opening.js";
import { FtpError } from "../errors.js";
import { type Awaitable, following } from "../events/awaitable.js";
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { type Endpoint, familyOf, formatPort, parseExtendedPort, parsePort, sameAddress } from "../wire/address.js";
import { upperCase } from "../wire/command-line.js";
import { type Reply, reply } from "../wire/reply.js";
import { none, valueOf } from "./grammar.js";
import { type Row, row } from "./row.js";

const FIRST_UNPRIVILEGED_PORT = 1024;
/** RFC 2428 §2: address family numbers. */
const FAMILY_NUMBER = { 4: 1, 6: 2 } as const;

const hostPort: Grammar<Endpoint, Dialogue> = {
  syntax: "<SP> h1,h2,h3,h4,p1,p2",
  parse: (text) => valueOf(parsePort(text ?? "")),
};

const extendedHostPort: Grammar<Endpoint & { readonly family: number }, Dialogue> = {
  syntax: "<SP> |family|address|port|",
  parse: (text) => valueOf(parseExtendedPort(text ?? "")),
};

const familyOrAll: Grammar<string | undefined, Dialogue> = {
  syntax: "[<SP> 1 | 2 | ALL]",
  parse: (text) => {
    if (text === undefined || text === "") return { value: undefined };
    const word = upperCase(text);
    return word === "ALL" || /^[0-9]{1,5}$/.test(word) ? { value: word } : undefined;
  },
};

/** PORT, PASV, EPRT, EPSV. */
export const dataPortRows: readonly Row[] = [
  row({
    verb: "PORT",
    source: "RFC 959 §4.1.2, RFC 2577 §3",
    summary: "the server connects to this address",
    argument: hostPort,
    replies: [200],
    needs: ["login"],
    keepsRestart: true,
    run: (dialogue, endpoint) => onlyExtended(dialogue) ?? offerActive(dialogue, endpoint),
  }),
  row({
    verb: "PASV",
    source: "RFC 959 §4.1.2, RFC 1123 §4.1.2.6",
    summary: "the server listens, IPv4",
    argument: none,
    replies: [227, 425],
    needs: ["login"],
    keepsRestart: true,
    run: (dialogue) => onlyExtended(dialogue) ?? enterPassive(dialogue),
  }),
  row({
    verb: "EPRT",
    source: "RFC 2428 §2",
    summary: "the server connects to this address, IPv4 or IPv6",
    argument: extendedHostPort,
    replies: [200, 522],
    needs: ["login"],
    feature: "EPRT",
    keepsRestart: true,
    run: (dialogue, endpoint) => {
      const refusal = onlyExtended(dialogue);
      if (refusal !== undefined) return refusal;
      return endpoint.family === ownFamily(dialogue) ? offerActive(dialogue, endpoint) : wrongFamily(dialogue);
    },
  }),
  row({
    verb: "EPSV",
    source: "RFC 2428 §3",
    summary: "the server listens, IPv4 or IPv6",
    argument: familyOrAll,
    replies: [229, 200, 425, 522],
    needs: ["login"],
    feature: "EPSV",
    keepsRestart: true,
    run: enterExtendedPassive,
  }),
];

/** RFC 2428 §4: after EPSV ALL every other way is refused. */
function onlyExtended({ state, texts }: Dialogue): Reply | undefined {
  return state.extendedOnly ? reply(503, texts.epsvOnly) : undefined;
}

function ownFamily({ control }: Dialogue): 1 | 2 {
  return FAMILY_NUMBER[familyOf(control.localAddress)];
}

/** RFC 2428 §2: the families that are supported stand in the only parentheses. */
function wrongFamily(dialogue: Dialogue): Reply {
  return reply(522, dialogue.texts.protocols(String(ownFamily(dialogue))));
}

function offerActive(dialogue: Dialogue, { host, port }: Endpoint): Reply {
  const { control, settings, state, texts } = dialogue;
  if (!settings.active.enabled) return reply(504, texts.activeOff);
  if (port < FIRST_UNPRIVILEGED_PORT || !sameAddress(host, control.remoteAddress)) return reply(504, texts.badPeer);
  dialogue.withdrawOffer();
  const { local, remote } = control.bindable;
  // RFC 1123 §4.1.2.12: from the address that the client knows us by, which behind a proxy is none of ours.
  const localAddress = control.proxy === undefined ? local : undefined;
  state.offer = openActive({ host: remote, port, localAddress, localPort: settings.active.sourcePort });
  return reply(200, texts.portAccepted);
}

async function enterPassive(dialogue: Dialogue): Promise<Reply> {
  const { texts } = dialogue;
  if (ownFamily(dialogue) !== FAMILY_NUMBER[4]) return reply(425, texts.useEpsv);
  const host = await advertisedAddress(dialogue);
  const port = await offerPassive(dialogue);
  return reply(227, texts.passive(formatPort({ host, port })));
}

function enterExtendedPassive(dialogue: Dialogue, argument: string | undefined): Awaitable<Reply> {
  const { state, texts } = dialogue;
  if (argument === "ALL") {
    state.extendedOnly = true;
    return reply(200, texts.epsvAll);
  }
  if (argument !== undefined && Number(argument) !== ownFamily(dialogue)) return wrongFamily(dialogue);
  return following(offerPassive(dialogue), (port) => reply(229, texts.extendedPassive(port)));
}

/** Listens for the client. Gives the port to tell it, which NAT may map to the one that is listened on. */
function offerPassive(dialogue: Dialogue): Awaitable<number> {
  const { control, settings, state } = dialogue;
  dialogue.withdrawOffer();
  const opening = openPassive({
    host: control.bindable.local,
    peer: control.remoteAddress,
    ports: settings.ports,
    identify: dialogue.identify,
    onStranger: (address) => dialogue.tell("stranger", { address }),
  });
  const take = (offer: PassiveOpening): number => {
    if (control.finishing) offer.close();
    else state.offer = offer;
    return offer.port + settings.passive.portOffset;
  };
  return opening instanceof Promise
    ? opening.then(take, (error: unknown) => refuseOffer(dialogue, error))
    : take(opening);
}

function refuseOffer(dialogue: Dialogue, error: unknown): never {
  if (error instanceof FtpError && error.code === "NO_PASSIVE_PORT") dialogue.tell("portsExhausted", {});
  throw error;
}

/** The address for 227, and a hint to the host where the client can hardly connect to it. */
async function advertisedAddress(dialogue: Dialogue): Promise<string> {
  const { settings, session } = dialogue;
  const { address } = settings.passive;
  const onFailure = (error: unknown): void => dialogue.report(error);
  const host = await address.of(session, { timeout: settings.hookTimeout, onFailure });
  const text = address.hint(session, host);
  if (text !== undefined) dialogue.tell("hint", { option: "passive.address", text });
  return host;
}
