/**
 * The one thing that Node keeps to itself on a `TLSSocket` that is no child of a `tls.Server`: what OpenSSL thinks of
 * the client's certificate. Where a version of Node does not tell, no certificate counts as verified.
 */
import type { TLSSocket } from "node:tls";

/** Whether the client has shown a certificate that leads to one of `ca`. */
export function isVerified(socket: TLSSocket): boolean {
  const handle = (socket as { readonly _handle?: { verifyError?(): Error | null | undefined } | null })._handle;
  if (typeof handle?.verifyError !== "function") return false;
  // Without a certificate there may be no error either: a resumed session has none to verify.
  return socket.getPeerX509Certificate() !== undefined && !handle.verifyError();
}
