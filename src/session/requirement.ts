/** What TLS is required for (RFC 4217 §6 leaves it to the server's policy): on a server, a listener, an account. */

/**
 * `none`; `login`: no user name and no password in clear; `data`: no file and no listing in clear (521);
 * `all`: both.
 */
export type TlsRequirement = "none" | "login" | "data" | "all";

const REQUIREMENTS: readonly unknown[] = ["none", "login", "data", "all"] satisfies readonly TlsRequirement[];

/** A requirement that was given, or `undefined`. @throws TypeError naming the option */
export function checkRequirement(name: string, value: TlsRequirement | undefined): TlsRequirement | undefined {
  if (value === undefined || REQUIREMENTS.includes(value)) return value;
  throw new TypeError(`${name} must be one of ${REQUIREMENTS.join(", ")}, not ${value}`);
}

/** Whether a requirement has to do with one of the two. */
export function requires(requirement: TlsRequirement, what: "login" | "data"): boolean {
  return requirement === "all" || requirement === what;
}
