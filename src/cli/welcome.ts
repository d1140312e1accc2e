/** What is printed once the server listens: where it is, who may come in. */

import { BlockList, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { ListenerAddress } from "../index.js";
import type { Settings } from "./flags.js";
import type { Entry } from "./log.js";
import type { Store } from "./store.js";
import type { User } from "./values.js";

/** What there is to tell. */
export interface Welcome {
  readonly version: string;
  readonly store: Store;
  readonly settings: Settings;
  /** The account that was made up because none was given. */
  readonly made: User | undefined;
  readonly addresses: readonly ListenerAddress[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** The one screen that a person sees first, and the same for programs. */
export function welcome({ version, store, settings, made, addresses }: Welcome): Entry {
  const names = settings.users.map(({ name }) => name);
  const login = made ?? (names.length === 1 && !settings.anonymous ? { name: names[0] ?? "" } : undefined);
  const urls = addresses.flatMap(({ host, port }) => reachable(host).map((address) => urlOf(address, port, login)));
  const rows = [
    ...urls.map((url) => ["URL", url]),
    ...(made === undefined
      ? []
      : [
          ["User", made.name],
          ["Password", made.password],
        ]),
    ...names.map((name) => ["User", `${name}, password as given`]),
    ...(settings.anonymous ? [["User", "anonymous or ftp, any password, read only"]] : []),
    ...(settings.readOnly ? [["Access", "read only"]] : []),
  ].map(([name = "", value = ""]) => `  ${name.padEnd(9)} ${value}\n`);
  const open = addresses.some(({ host }) => !isLoopback(host));
  const notes = `${open ? "Plain FTP: whoever is on the way can read passwords and files.\n" : ""}Ctrl+C stops it.\n`;
  return {
    level: "info",
    event: "listening",
    text: `portside ${version} serves ${store.title}\n\n${rows.join("")}\n${notes}\n`,
    fields: { url: urls[0], urls, user: made?.name, password: made?.password, folder: store.folder, version },
  };
}

/** A URL that can be pasted; `login` is percent-encoded (RFC 3986 §2.1, RFC 1738 §3.2.1). */
export function urlOf(
  host: string,
  port: number,
  login?: { readonly name: string; readonly password?: string },
): string {
  const secret = login?.password === undefined ? "" : `:${encoded(login.password)}`;
  const before = login === undefined ? "" : `${encoded(login.name)}${secret}@`;
  return `ftp://${before}${isIPv6(host) ? `[${host}]` : host}:${port}/`;
}

/** Also what `encodeURIComponent` leaves and a shell does not. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The addresses by which a listener can be reached: those of the machine where it listens at all of them. */
function reachable(host: string): readonly string[] {
  if (host !== "::" && host !== "0.0.0.0") return [host];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = own.filter(
    ({ family, address }) => family === "IPv4" || (host === "::" && !/^fe[89ab]/.test(address)),
  );
  return usable.length === 0 ? [host] : usable.map(({ address }) => address);
}

function isLoopback(host: string): boolean {
  return LOOPBACK.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
