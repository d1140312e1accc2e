/**
 * Who is at the two ends of a connection: as the system says, or as a trusted proxy has said of the connection that it
 * relays. Knows no header and no network.
 */
import { isIPv4, type Socket } from "node:net";
import { normalizeAddress } from "../wire/address.js";
import type { RelayedEnds } from "../wire/proxy-header.js";

/** Stands for an address that the system does not know any more: the client has reset the connection already. */
export const UNKNOWN_ADDRESS = "0.0.0.0";

/** Both ends; an address is `undefined` where the system does not know it any more. IPv4-mapped IPv6 as IPv4. */
export interface Endpoints {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** The proxy whose header was read; `undefined` where there was none. */
  readonly proxy: string | undefined;
}

/** What proxies have said, and what listeners know; gone with the socket. */
const declared = new WeakMap<Socket, Endpoints>();

/** Both ends of a socket. */
export function endpointsOf(socket: Socket): Endpoints {
  return declared.get(socket) ?? ownEnds(socket);
}

/** The address of the other end: before anybody is let in, nothing else is asked for. */
export function remoteAddressOf(socket: Socket): string | undefined {
  const known = declared.get(socket);
  return known === undefined ? normalized(socket.remoteAddress) : known.remoteAddress;
}

/** Takes a proxy's word for a socket. @param ends `undefined` where the proxy names nobody: then the ends are its own */
export function declareEnds(socket: Socket, ends: RelayedEnds | undefined): void {
  const own = ownEnds(socket);
  const relayed = ends && {
    remoteAddress: ends.source.host,
    remotePort: ends.source.port,
    localAddress: ends.destination.host,
    localPort: ends.destination.port,
  };
  declared.set(socket, { ...(relayed ?? own), proxy: own.remoteAddress });
}

/** Where a socket was accepted, so that the system need not be asked. @param port of a listener that has one address alone */
export function acceptedAt(socket: Socket, host: string, port: number): void {
  const { remoteAddress, remotePort } = socket;
  // An address of IPv6 may have a zone here, and none there; 0.0.0.0 is all of them.
  if (!isIPv4(host) || host === UNKNOWN_ADDRESS || remoteAddress === undefined) return;
  const remote = { remoteAddress: normalizeAddress(remoteAddress), remotePort };
  declared.set(socket, { ...remote, localAddress: host, localPort: port, proxy: undefined });
}

function ownEnds({ remoteAddress, remotePort, localAddress, localPort }: Socket): Endpoints {
  return {
    remoteAddress: normalized(remoteAddress),
    remotePort,
    localAddress: normalized(localAddress),
    localPort,
    proxy: undefined,
  };
}

function normalized(address: string | undefined): string | undefined {
  return address && normalizeAddress(address);
}
