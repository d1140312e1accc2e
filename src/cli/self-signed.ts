/** A certificate that vouches for itself, made for this run: encrypts, and is trusted by those who compare its fingerprint. */
import { isIP } from "node:net";
import type { KeyPair } from "./certificate.js";
import { reachable } from "./reachable.js";

const DAY = 24 * 60 * 60 * 1000;
/** Clients whose clock is behind are to accept it, too. */
const DAYS_BEFORE = 1;
/** The program may run for long, and no client refuses a certificate for 825 days for its length alone. */
const DAYS_AFTER = 824;
/** By which everybody on this machine can come. */
const LOCAL = ["localhost", "127.0.0.1", "::1"];

/**
 * Makes a key and a certificate for the hosts that are listened at.
 * @throws Error saying what to install
 */
export async function selfSigned(hosts: readonly string[]): Promise<KeyPair> {
  const { generate } = await generator();
  // A zone says by which interface one comes; certificates know none.
  const names = [...hosts.flatMap(reachable), ...LOCAL].map((host) => host.replace(/%.*/, ""));
  const made = await generate([{ name: "commonName", value: "portside" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - DAYS_BEFORE * DAY),
    notAfterDate: new Date(Date.now() + DAYS_AFTER * DAY),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: [...new Set(names)].map(alternativeName) },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** The package is an optional peer: whoever has a certificate needs none of it. */
async function generator() {
  try {
    return await import("selfsigned");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const message =
      "--tls-self-signed needs the package selfsigned; install it beside portside: npm install selfsigned@5";
    throw new Error(message, { cause });
  }
}

function alternativeName(host: string): { type: 2; value: string } | { type: 7; ip: string } {
  return isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
}
