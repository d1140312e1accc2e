/** Which clients count as one (RFC 4291 §2.5.4: who has one IPv6 address has 2^64 of them). */
import { isIPv6 } from "node:net";
import { groupsOf, normalizeAddress } from "../wire/address.js";

/** What gateways put before the 32 bits of an IPv4 client (RFC 6052 §2.1, RFC 7755): all of IPv4 in one /64. */
const TRANSLATED = "64:ff9b:0:0:0:0";

/**
 * The key of an address: an IPv4 address is its own, of an IPv6 address the first 64 bits count. An IPv4 address that
 * IPv6 carries, mapped or translated, is an IPv4 address.
 */
export function addressKey(address: string): string {
  const plain = normalizeAddress(address);
  if (!isIPv6(plain)) return plain;
  const groups = groupsOf(plain);
  const [high = 0, low = 0] = groups.slice(6);
  if (inHex(groups.slice(0, 6)) === TRANSLATED) return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  return `${inHex(groups.slice(0, 4))}::/64`;
}

function inHex(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}
