/** Names of hosts as clients give them: by HOST (RFC 7151 §3.1), or to TLS (SNI, RFC 6066 §3). */
import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** Octets of a domain name (RFC 1035 §2.3.4), also before punycode makes it longer. */
const MAX_NAME = 255;
/** RFC 1035 §2.3.1, in ASCII and lower case; underscores are practice. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * One spelling for each host, so that nobody has to compare two: a domain name in ASCII and lower case without a dot
 * at its end, an IPv4 address, or an IPv6 address without the brackets that it is given in.
 * @returns `undefined` for what is none of these, or has a port
 */
export function hostName(given: string): string | undefined {
  if (given.length > MAX_NAME) return undefined;
  if (given.startsWith("[") && given.endsWith("]")) {
    const address = given.slice(1, -1);
    return isIPv6(address) && !address.includes("%") ? address.toLowerCase() : undefined;
  }
  if (isIPv4(given)) return given;
  // Of ASCII only letters, digits, dot, hyphen and underscore: `domainToASCII` would cut at a colon or a slash.
  if (/[\x00-\x2c/:-@[-^`{-\x7f]/.test(given)) return undefined;
  const name = domainToASCII(given.endsWith(".") ? given.slice(0, -1) : given);
  return name !== "" && !isIPv4(name) && name.split(".").every((label) => LABEL.test(label)) ? name : undefined;
}
