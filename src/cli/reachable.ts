/** The addresses by which others can come to a host that is listened at. */
import { networkInterfaces } from "node:os";

/** The host itself, or those of the machine where it stands for all of them. */
export function reachable(host: string): readonly string[] {
  if (host !== "::" && host !== "0.0.0.0") return [host];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = own.filter(
    ({ family, address }) => family === "IPv4" || (host === "::" && !/^fe[89ab]/.test(address)),
  );
  return usable.length === 0 ? [host] : usable.map(({ address }) => address);
}
