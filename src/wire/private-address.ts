/** Addresses that mean something within one network only: nobody on the internet can connect to them. */
import { Networks } from "./network.js";

/** "This host" (RFC 1122 §3.2.1.3), private (RFC 1918), carrier NAT (RFC 6598), loopback, link-local (RFC 3927, RFC 4291), unique local (RFC 4193). */
const PRIVATE = [
  ..."0.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16".split(" "),
  ..."::/127 fe80::/10 fc00::/7".split(" "),
];

/** Made when it is first asked for: the first IPv6 address that Node looks at in a process takes it milliseconds. */
let networks: Networks | undefined;

/** Whether an address cannot be reached from everywhere. False for what is no address. */
export function isPrivate(address: string): boolean {
  networks ??= new Networks(PRIVATE);
  return networks.has(address);
}
