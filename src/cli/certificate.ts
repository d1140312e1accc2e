/**
 * The certificate that the program proves itself with: two PEM files, read and checked before anybody connects.
 * Errors name the flag and the file, and never show what is in a key.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { getSystemErrorMap } from "node:util";

/** A certificate and its private key, PEM. */
export interface KeyPair {
  /** The certificate, and behind it what vouches for it. */
  readonly cert: string;
  readonly key: string;
}

/** Where the two are, by name. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Reads both files. @throws Error naming the flag and the file that cannot be read */
export function readFiles(files: CertificateFiles): KeyPair {
  return { cert: read("--tls-cert", files.cert), key: read("--tls-key", files.key) };
}

/**
 * Checks what was read.
 * @param files where it was read, for messages
 * @throws Error naming the flag and the file that cannot be used, or both where they do not belong together
 */
export function checkPair(pair: KeyPair, files: CertificateFiles): void {
  const [cert, key] = [named("--tls-cert", files.cert), named("--tls-key", files.key)];
  if (!certificateIn(pair.cert, cert).checkPrivateKey(privateKeyIn(pair.key, key)))
    throw new Error(`${key} is not the private key of ${cert}`);
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw new Error(`${cert} and ${key} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** What a certificate says of itself. */
export interface Stamp {
  /** The SHA-256, as clients show it to those who are to trust it. */
  readonly fingerprint: string;
  /** When it begins and ends to be valid: ISO 8601, or what is there instead of a time. */
  readonly validFrom: string;
  readonly validTo: string;
}

/** Reads the certificate of a pair that was checked. */
export function stampOf({ cert }: KeyPair): Stamp {
  const { fingerprint256: fingerprint, validFrom, validTo } = new X509Certificate(cert);
  return { fingerprint, validFrom: timeIn(validFrom), validTo: timeIn(validTo) };
}

/** What clients object to in the dates of a certificate now, if anything. */
export function objectionTo({ validFrom, validTo }: Stamp): string | undefined {
  const now = Date.now();
  if (Date.parse(validTo) < now) return `expired on ${shownTime(validTo)}`;
  return Date.parse(validFrom) > now ? `is not valid before ${shownTime(validFrom)}` : undefined;
}

/** A time of a stamp for people, to the minute. */
export function shownTime(time: string): string {
  return time.replace(/^(.*)T(\d\d:\d\d).*Z$/, "$1 $2 UTC");
}

function timeIn(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { errno = 0, message } = cause as NodeJS.ErrnoException;
    const reason = getSystemErrorMap().get(errno)?.[1] ?? message;
    throw new Error(`${named(flag, file)} cannot be read: ${reason}`, { cause });
  }
}

function certificateIn(text: string, name: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${name} holds no certificate in PEM`, { cause });
  }
}

function privateKeyIn(text: string, name: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    // Both forms say so: RFC 1421 §4.6.1.1, RFC 7468 §11.
    throw new Error(
      `${name} holds ${text.includes("ENCRYPTED") ? "a key with a passphrase" : "no private key in PEM"}`,
      { cause },
    );
  }
}

function named(flag: string, file: string): string {
  return `${flag} ${JSON.stringify(file)}`;
}
