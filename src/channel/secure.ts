/** What TLS has agreed on for one connection, as the host sees it. */
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { hostName } from "../wire/host-name.js";

/** A connection under TLS. */
export interface Secure {
  /** E.g. `TLSv1.3`. */
  readonly protocol: string;
  /** The name of the cipher suite in the IANA registry, e.g. `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** Whether the client went on with a session of before instead of a full handshake (RFC 8446 §2.2, RFC 5077). */
  readonly resumed: boolean;
  /** The application protocol that was agreed on (RFC 7301): `ftp`, or `undefined` where the client offered none. */
  readonly alpn: string | undefined;
  /** The host that the client asked for (SNI, RFC 6066 §3), in ASCII and lower case; `undefined` where it asked for none. */
  readonly servername: string | undefined;
  /** The client's certificate, also one that nobody vouches for; `undefined` where it showed none. */
  readonly certificate: X509Certificate | undefined;
  /** Whether the client's certificate was verified: by `tls.ca`, or by that of the context which `tls.sni` gave. */
  readonly authorized: boolean;
}

/** Reads a connection whose handshake is done. */
export function secureOf(socket: TLSSocket, authorized: boolean): Secure {
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName,
    resumed: socket.isSessionReused(),
    alpn: textOf(socket.alpnProtocol),
    servername: hostName(serverNameOf(socket) ?? ""),
    certificate: socket.getPeerX509Certificate(),
    authorized,
  };
}

/** What the client gave to TLS as the host that it asks for; `undefined` for nothing, and for an address. */
export function serverNameOf(socket: TLSSocket): string | undefined {
  const name = textOf((socket as TLSSocket & { readonly servername?: unknown }).servername);
  // RFC 6066 §3 permits no addresses there; clients that were told one send it all the same.
  return name === undefined || isIP(name) !== 0 ? undefined : name;
}

/** Node says `false` or `null` for none. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
