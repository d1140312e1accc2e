/** Certificates for tests, made when they are asked for: an authority, and what it vouches for. All with EC keys. */
import { isIP } from "node:net";
import { generate } from "selfsigned";

/** A key and its certificate, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const DAYS = 24 * 60 * 60 * 1000;

/** A certificate that vouches for others. */
export async function authority(name: string): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    notAfterDate: new Date(Date.now() + 30 * DAYS),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** What a certificate is for. */
export interface IssueOptions {
  /** The common name. */
  readonly name: string;
  /** Host names and addresses; none for a client's. */
  readonly hosts?: readonly string[];
}

/** A certificate that an authority vouches for, or that vouches for itself. */
export async function issue({ name, hosts = [] }: IssueOptions, ca?: Pair): Promise<Pair> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    notAfterDate: new Date(Date.now() + 20 * DAYS),
    ...(ca !== undefined && { ca }),
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      ...(hosts.length === 0 ? [] : [{ name: "subjectAltName" as const, altNames: hosts.map(alternativeName) }]),
    ],
  });
  return { cert: made.cert, key: made.private };
}

function alternativeName(host: string): { type: 2; value: string } | { type: 7; ip: string } {
  return isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
}

/** What most tests need: an authority and the pair of a server on the loopback. */
export interface TestCertificates {
  readonly ca: Pair;
  readonly server: Pair;
}

let made: Promise<TestCertificates> | undefined;

/** Made once for each process: localhost, 127.0.0.1, ::1. */
export function testCertificates(): Promise<TestCertificates> {
  made ??= (async () => {
    const ca = await authority("portside tests");
    return { ca, server: await issue({ name: "localhost", hosts: ["localhost", "127.0.0.1", "::1"] }, ca) };
  })();
  return made;
}
