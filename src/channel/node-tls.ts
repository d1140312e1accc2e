/**
 * What Node keeps to itself on a `TLSSocket` that is no child of a `tls.Server`. Where a version of Node does not tell,
 * no certificate counts as verified, a connection that TLS has given up ends by its time limits, and no context is shared.
 */
import type { EventEmitter } from "node:events";
import type { SecureContext, TLSSocket } from "node:tls";

/** Whether the client has shown a certificate that leads to one of `ca`. */
export function isVerified(socket: TLSSocket): boolean {
  const handle = (socket as { readonly _handle?: { verifyError?(): Error | null | undefined } | null })._handle;
  if (typeof handle?.verifyError !== "function") return false;
  // Without a certificate there may be no error either: a resumed session has none to verify.
  return socket.getPeerX509Certificate() !== undefined && !handle.verifyError();
}

/**
 * Gives the sessions of sockets that are made next a name: no other name's are gone on with (RFC 5077 §5.6 leaves it to the
 * server; OpenSSL keeps the name within the ticket, and takes one of another name for none).
 * @returns whether that can be done
 */
export function bindSessions(context: SecureContext, binding: string): boolean {
  const inner = (context as { readonly context: { setSessionIdContext?(name: string): void } }).context;
  inner.setSessionIdContext?.(binding);
  return typeof inner.setSessionIdContext === "function";
}

/** Lets what TLS finds wrong behind the handshake end the socket with an error, as any other does. */
export function endOnTlsError(socket: TLSSocket): void {
  (socket as EventEmitter).on("_tlsError", (error: Error) => socket.destroy(error));
}
