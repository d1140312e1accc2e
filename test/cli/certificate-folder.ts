/** A folder with certificates in files, and what a server shows of them. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { issue, type Pair, testCertificates } from "../kit/certificates.js";
import { temporaryDirectory, within } from "../kit/temporary.js";

/** A folder that is removed when it is disposed. */
export interface CertificateFolder extends AsyncDisposable {
  readonly path: string;
  /** The authority that vouches for all of them, in a file. */
  readonly ca: string;
  /** The pair of `testCertificates`, in files that `flags` name. */
  readonly pair: Pair;
  readonly cert: string;
  readonly key: string;
  /** `--tls-cert FILE --tls-key FILE` */
  readonly flags: readonly string[];
}

/** Makes a folder with an authority, a certificate for the loopback, and its key. */
export async function certificateFolder(): Promise<CertificateFolder> {
  const folder = await temporaryDirectory();
  const { ca, server } = await testCertificates();
  const [authority = "", cert = "", key = ""] = ["ca.pem", "cert.pem", "key.pem"].map((name) =>
    join(folder.path, name),
  );
  await writeFile(authority, ca.cert);
  await writeFile(cert, server.cert);
  await writeFile(key, server.key);
  return {
    path: folder.path,
    ca: authority,
    pair: server,
    cert,
    key,
    flags: ["--tls-cert", cert, "--tls-key", key],
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Another certificate for the loopback, from the same authority. */
export async function anotherPair(): Promise<Pair> {
  const { ca } = await testCertificates();
  return issue({ name: "localhost", hosts: ["localhost", "127.0.0.1", "::1"] }, ca);
}

/** Puts a text in the place of a file at one blow. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** The certificate that an implicit listener shows, whoever vouches for it. */
export async function shownAt(port: number, host: string = "127.0.0.1"): Promise<X509Certificate> {
  return shownIn(net.connect({ port, host }));
}

/** The certificate that is shown behind AUTH TLS, whoever vouches for it. */
export async function shownBehindAuth(port: number): Promise<X509Certificate> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  for (const code of ["220", "234"]) {
    const [reply] = await within(once(socket, "data"), code);
    assert.equal(String(reply).slice(0, 3), code);
    if (code === "220") socket.write("AUTH TLS\r\n");
  }
  return shownIn(socket);
}

async function shownIn(socket: net.Socket): Promise<X509Certificate> {
  const secured = tls.connect({ socket, rejectUnauthorized: false });
  await within(once(secured, "secureConnect"), "the handshake");
  const certificate = secured.getPeerX509Certificate();
  assert.ok(certificate);
  secured.destroy();
  return certificate;
}

/** The SHA-256 of a pair's certificate. */
export function fingerprint({ cert }: Pair): string {
  return new X509Certificate(cert).fingerprint256;
}
