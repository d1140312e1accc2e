/**
 * What Node keeps to itself on a `TLSSocket` that is no child of a `tls.Server`. Where a version of Node does not tell,
 * no certificate counts as verified, and a connection that TLS has given up ends by its time limits.
 */
import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";

/** Whether the client has shown a certificate that leads to one of `ca`. */
export function isVerified(socket: TLSSocket): boolean {
  const handle = (socket as { readonly _handle?: { verifyError?(): Error | null | undefined } | null })._handle;
  if (typeof handle?.verifyError !== "function") return false;
  // Without a certificate there may be no error either: a resumed session has none to verify.
  return socket.getPeerX509Certificate() !== undefined && !handle.verifyError();
}

/** Lets what TLS finds wrong behind the handshake end the socket with an error, as any other does. */
export function endOnTlsError(socket: TLSSocket): void {
  (socket as EventEmitter).on("_tlsError", (error: Error) => socket.destroy(error));
}
