/** The options of TLS: what they mean, their defaults, and the checks. */
import type { SecureContext } from "node:tls";
import { Credentials, type CredentialsOptions } from "../channel/credentials.js";
import { checkRequirement, type TlsRequirement } from "../session/requirement.js";
import { known, milliseconds, optional } from "./checks.js";
import { CONTEXT_OPTIONS, type ContextOptions, contextOptions, unusable } from "./tls-context.js";

/**
 * TLS, explicit (AUTH TLS, RFC 4217) and implicit. What is not listed here is as in Node's `tls.createSecureContext`: `cert`,
 * `key`, `passphrase` or `pfx`, `ca`, `crl`, `ciphers`, `ecdhCurve`, `dhparam`, `sigalgs`, `honorCipherOrder` (default
 * `true`), `sessionTimeout` in seconds (default 86,400), `minVersion` (default `TLSv1.2`), `maxVersion` ….
 */
export interface TlsOptions extends ContextOptions {
  /** What nobody may do without TLS. Default `all`. */
  readonly require?: TlsRequirement | undefined;
  /** Whether clients are asked for a certificate, to be verified by `ca` (or that of the context which `sni` gives). Default `false`. */
  readonly requestCert?: boolean | undefined;
  /** Whether a certificate that is asked for must be there and be verified. Default `true`. */
  readonly rejectUnauthorized?: boolean | undefined;
  /**
   * The certificate for a host that a client names, in lower case: by SNI, or by HOST before AUTH (but not with
   * `requestCert` or `requireSessionReuse`). A context of Node's `tls.createSecureContext`, `undefined` for the one of
   * `cert`; an error refuses the client.
   */
  readonly sni?: ((servername: string) => SecureContext | undefined | Promise<SecureContext | undefined>) | undefined;
  /**
   * Whether a data connection must go on with the TLS session of its own control connection, which no other client of this
   * server has (RFC 4217 §15.1). Default `false`: whoever can, resumes. Clients that cannot are refused with 522.
   */
  readonly requireSessionReuse?: boolean | undefined;
  /** Until a handshake is done, 0 to 2^31-1 milliseconds; 0 is off. Default 30,000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Whether CCC and REIN may take the control connection out of TLS: CCC not where `require` is `all`, REIN not on an
   * implicit listener. Default `false`.
   */
  readonly allowClear?: boolean | undefined;
}

/** TLS as a server uses it. */
export interface Tls {
  readonly credentials: Credentials;
  readonly require: TlsRequirement;
  readonly allowClear: boolean;
}

const OWN_OPTIONS = "require requestCert rejectUnauthorized sni requireSessionReuse handshakeTimeout allowClear".split(
  " ",
);

/** TLS, checked and complete; `undefined` where there is to be none. @throws TypeError, RangeError naming the option */
export function tlsOf(options: TlsOptions | undefined): Tls | undefined {
  if (options === undefined) return undefined;
  known("tls", options, [...OWN_OPTIONS, ...CONTEXT_OPTIONS]);
  const { require, requestCert, rejectUnauthorized, sni, requireSessionReuse, handshakeTimeout, allowClear, ...given } =
    options;
  if (sni !== undefined && typeof sni !== "function") throw new TypeError("tls.sni must be a function");
  const { cert, key, pfx, ca } = given;
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError(`tls.${cert === undefined ? "key" : "cert"} needs tls.${cert === undefined ? "cert" : "key"}`);
  if (pfx === undefined && cert === undefined && sni === undefined)
    throw new TypeError("tls needs cert and key, or pfx, or sni");
  if (requestCert === true && ca === undefined && pfx === undefined)
    throw new TypeError("tls.requestCert needs tls.ca: by the authorities of the system everybody has a certificate");
  const credentials = {
    context: contextOptions(given),
    requestCert: optional("tls.requestCert", requestCert, "boolean") ?? false,
    rejectUnauthorized: optional("tls.rejectUnauthorized", rejectUnauthorized, "boolean") ?? true,
    requireSessionReuse: optional("tls.requireSessionReuse", requireSessionReuse, "boolean") ?? false,
    handshakeTimeout: milliseconds("tls.handshakeTimeout", handshakeTimeout, 30_000),
    sni,
  };
  return {
    require: checkRequirement("tls.require", require) ?? "all",
    allowClear: optional("tls.allowClear", allowClear, "boolean") ?? false,
    credentials: usable(credentials),
  };
}

function usable(options: CredentialsOptions): Credentials {
  try {
    return new Credentials(options);
  } catch (cause) {
    throw unusable(options.context, cause as Error);
  }
}
