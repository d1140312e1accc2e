/** The options of TLS that Node knows too, checked: OpenSSL says what is wrong, but not with which of them. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";

/** Those of Node's options that are portside's too: not what would undo what it sees to, and not OpenSSL's engines. */
export type ContextOptions = Omit<
  SecureContextOptions,
  | "clientCertEngine"
  | "privateKeyEngine"
  | "privateKeyIdentifier"
  | "secureProtocol"
  | "sessionIdContext"
  | "ticketKeys"
>;

/** Every option, so that a misspelt one is not silently off. */
export const CONTEXT_OPTIONS: readonly string[] = [
  ..."allowPartialTrustChain ca cert certificateCompression ciphers crl dhparam ecdhCurve honorCipherOrder key".split(
    " ",
  ),
  ..."maxVersion minVersion passphrase pfx secureOptions sessionTimeout sigalgs".split(" "),
];

/** What OpenSSL looks at one by one, to find out which it does not like. */
const SINGLE = ["pfx", "crl", "ciphers", "sigalgs", "ecdhCurve", "dhparam", "sessionTimeout", "secureOptions"] as const;
const VERSIONS: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const CONTENT = "give the content of the file, not its name";

/** The options checked as far as can be without OpenSSL, and complete: TLS 1.2 and newer unless they say otherwise. @throws TypeError, RangeError naming the option */
export function contextOptions(given: ContextOptions): SecureContextOptions {
  // Whoever says undefined means the default, and not what Node takes it for.
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: SecureContextOptions = { minVersion: "TLSv1.2", ...Object.fromEntries(entries) };
  checkVersions(options);
  checkPair(options);
  for (const ca of [options.ca ?? []].flat()) certificateOf("tls.ca", ca);
  const { honorCipherOrder } = options;
  if (honorCipherOrder !== undefined && typeof honorCipherOrder !== "boolean")
    throw new TypeError("tls.honorCipherOrder must be a boolean");
  return options;
}

function checkVersions({ minVersion, maxVersion = "TLSv1.3" }: SecureContextOptions): void {
  for (const [name, version] of [["minVersion", minVersion] as const, ["maxVersion", maxVersion] as const])
    if (version === undefined || !VERSIONS.includes(version))
      throw new TypeError(`tls.${name} must be one of ${VERSIONS.join(", ")}, not ${String(version)}`);
  if (VERSIONS.indexOf(minVersion ?? "TLSv1.2") > VERSIONS.indexOf(maxVersion))
    throw new RangeError(`tls.minVersion ${minVersion} is above tls.maxVersion ${maxVersion}`);
}

/** OpenSSL sees no mismatch between a key of one kind and a certificate of another; every handshake would fail. */
function checkPair({ cert, key, passphrase }: SecureContextOptions): void {
  if (!isOne(cert) || !isOne(key)) return;
  const certificate = certificateOf("tls.cert", cert);
  const secret = keyOf(key, passphrase);
  if (!certificate.checkPrivateKey(secret)) throw new TypeError("tls.key is not the key of tls.cert");
}

function certificateOf(name: string, pem: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TypeError(`${name} holds no certificate in PEM: ${CONTENT}`, { cause });
  }
}

function keyOf(key: string | Buffer, passphrase: string | undefined) {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const locked = String(key).includes("ENCRYPTED");
    if (locked && passphrase === undefined) throw new TypeError("tls.key needs tls.passphrase", { cause });
    if (locked) throw new TypeError("tls.passphrase does not open tls.key", { cause });
    throw new TypeError(`tls.key holds no private key in PEM: ${CONTENT}`, { cause });
  }
}

/** The error for options that OpenSSL does not take, naming the one that is wrong where it can be found. */
export function unusable(options: SecureContextOptions, cause: Error): TypeError {
  const { passphrase } = options;
  const culprit = SINGLE.find((name) => fails({ [name]: options[name], ...(name === "pfx" && { passphrase }) }));
  return new TypeError(`tls${culprit === undefined ? "" : `.${culprit}`} cannot be used: ${cause.message}`, { cause });
}

function fails(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options);
    return false;
  } catch {
    return true;
  }
}

function isOne(value: unknown): value is string | Buffer {
  return typeof value === "string" || Buffer.isBuffer(value);
}
