/** Why TLS failed, in one word where there is one. */
import { types } from "node:util";
import type { FtpError } from "../errors.js";

/** The code of OpenSSL or of Node, e.g. `ERR_SSL_NO_SHARED_CIPHER`; where there is none, the words of the error. */
export function tlsReason(error: FtpError): string {
  const { cause } = error;
  const code = types.isNativeError(cause) ? (cause as NodeJS.ErrnoException).code : undefined;
  return code ?? (types.isNativeError(cause) ? cause.message : error.message);
}
