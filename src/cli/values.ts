/** The values of flags: from text to what it means, or an error that names the flag and what is allowed. */
import { isIP } from "node:net";
import type { TlsRequirement } from "../index.js";

/** A command line that cannot be followed; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Somebody who may log in. */
export interface User {
  readonly name: string;
  readonly password: string;
}

/** The levels of the log, from the fewest lines to the most. */
export const LEVELS = ["error", "info", "debug"] as const;

/** The forms of the access log. */
export const ACCESS_FORMATS = ["xferlog", "json"] as const;

/** What TLS can be required for, from the least to the most. */
export const REQUIREMENTS = ["none", "login", "data", "all"] as const satisfies readonly TlsRequirement[];

/** A whole number in decimal digits. @throws UsageError */
export function integerOf(
  flag: string,
  text: string | undefined,
  min: number,
  max: number,
  note: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} must be a whole number from ${min} to ${max}${note}, not ${shown(text)}`);
}

/** MIN-MAX. @throws UsageError */
export function portRangeOf(flag: string, text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const [first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).slice(1).map(Number);
  if (first >= 1 && first <= last && last <= 65_535) return [first, last];
  throw new UsageError(`${flag} must be MIN-MAX, ports from 1 to 65535, the lower first, not ${shown(text)}`);
}

/** An address or a name to listen at. @throws UsageError */
export function hostOf(text: string): string {
  if (isIP(text) !== 0 || /^[\w.-]+$/.test(text)) return text;
  throw new UsageError(`--host must be an IP address, IPv6 without brackets, or a host name, not ${shown(text)}`);
}

/** [host:]port, IPv6 in brackets. @throws UsageError */
export function metricsOf(
  flag: string,
  text: string | undefined,
): { readonly host: string; readonly port: number } | undefined {
  if (text === undefined) return undefined;
  const [, bracketed, plain, digits = ""] = /^(?:(?:\[([^\]]*)\]|([\w.-]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "127.0.0.1";
  if (digits !== "" && Number(digits) <= 65_535 && (bracketed === undefined || isIP(bracketed) === 6))
    return { host, port: Number(digits) };
  throw new UsageError(`${flag} must be PORT, HOST:PORT or [IPv6]:PORT, ports from 0 to 65535, not ${shown(text)}`);
}

/** name:password; the password may contain colons. The text is shown in no error: it may be a password. @throws UsageError */
export function userOf(text: string): User {
  const colon = text.indexOf(":");
  const [name, password] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  if (name === "" || password === "") throw new UsageError("--user must be name:password, neither of them empty");
  if (/\p{Cc}/u.test(text)) throw new UsageError("--user must be name:password without control characters");
  return { name, password };
}

/** Whether a name stands for everybody where `--anonymous` is given (RFC 1635 §2). */
export function isEverybody(name: string): boolean {
  return name === "anonymous" || name === "ftp";
}

/** One of a few words. @throws UsageError */
export function oneOf<Word extends string>(
  flag: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  const word = words.find((candidate) => candidate === text);
  if (text === undefined || word !== undefined) return word;
  throw new UsageError(`${flag} must be one of ${words.join(", ")}, not ${shown(text)}`);
}

/** The name of a file. @throws UsageError */
export function fileOf(flag: string, text: string | undefined): string | undefined {
  if (text === "") throw new UsageError(`${flag} must be the name of a file, not ""`);
  return text;
}

function shown(text: string): string {
  return JSON.stringify(text);
}
