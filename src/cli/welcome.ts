/** What is printed once the server listens: where it is, who may come in. */

import { BlockList, isIPv6 } from "node:net";
import type { ListenerAddress, TlsRequirement } from "../index.js";
import { type Stamp, shownTime } from "./certificate.js";
import type { Settings } from "./flags.js";
import type { Entry } from "./log.js";
import { reachable } from "./reachable.js";
import type { Store } from "./store.js";
import type { User } from "./values.js";

/** What there is to tell. */
export interface Welcome {
  readonly version: string;
  readonly store: Store;
  readonly settings: Settings;
  /** The account that was made up because none was given. */
  readonly made: User | undefined;
  /** The certificate, where there is TLS. */
  readonly certificate: Stamp | undefined;
  readonly addresses: readonly ListenerAddress[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** For people: what each requirement is about, and what it leaves in clear. */
const REQUIRED: Readonly<Record<TlsRequirement, readonly [required: string, clear: string | undefined]>> = {
  none: ["not required", "passwords and files"],
  login: ["required for logins", "files"],
  data: ["required for files and listings", "passwords"],
  all: ["required for logins, files and listings", undefined],
};

/** The one screen that a person sees first, and the same for programs. */
export function welcome(told: Welcome): Entry {
  const { version, store, settings, made, certificate } = told;
  const urls = urlsOf(told);
  const rows = [...urls.map((url) => ["URL", url]), ...tlsRows(told), ...userRows(told)].map(
    ([name = "", value = ""]) => `  ${name.padEnd(9)} ${value}\n`,
  );
  const notes = `${firstSteps(settings)}${warning(told)}Ctrl+C stops it.\n`;
  return {
    level: "info",
    event: "listening",
    text: `portside ${version} serves ${store.title}\n\n${rows.join("")}\n${notes}\n`,
    fields: {
      url: urls[0],
      urls,
      user: made?.name,
      password: made?.password,
      folder: store.folder,
      version,
      tlsRequire: settings.tls?.require,
      fingerprint: certificate?.fingerprint,
      validTo: certificate?.validTo,
    },
  };
}

function urlsOf({ settings, made, addresses }: Welcome): readonly string[] {
  const [only, ...others] = settings.users;
  const login = made ?? (others.length === 0 && !settings.anonymous && only ? { name: only.name } : undefined);
  return addresses.flatMap(({ host, port, implicitTls }) =>
    reachable(host).map((address) => urlOf(address, port, login, implicitTls ? "ftps" : "ftp")),
  );
}

function tlsRows({ settings: { tls }, certificate }: Welcome): readonly string[][] {
  if (tls === undefined) return [];
  const implicit = tls.implicitPort === undefined ? "" : "; ftps: is implicit TLS";
  return [
    ["TLS", `explicit TLS (AUTH TLS), ${REQUIRED[tls.require][0]}${implicit}`],
    ...(certificate === undefined
      ? []
      : [
          ["SHA-256", certificate.fingerprint],
          ["Valid", `until ${shownTime(certificate.validTo)}`],
        ]),
  ];
}

/** How to come in although nobody vouches for the certificate, where it was made because none was given. */
function firstSteps({ tls, users, anonymous }: Settings): string {
  if (tls === undefined || tls.files !== undefined) return "";
  // curl asks for the password that is in no URL.
  const login = users.length > 0 && !anonymous ? " --user NAME" : "";
  return `Nobody vouches for the certificate: compare its SHA-256 with what the client shows.
Try it: curl --ssl-reqd --insecure${login} URL\n`;
}

function userRows({ settings, made }: Welcome): readonly string[][] {
  const { users, anonymous, readOnly } = settings;
  return [
    ...(made === undefined
      ? []
      : [
          ["User", made.name],
          ["Password", made.password],
        ]),
    ...users.map(({ name }) => ["User", `${name}, password as given`]),
    ...(anonymous ? [["User", "anonymous or ftp, any password, read only"]] : []),
    ...(readOnly ? [["Access", "read only"]] : []),
  ];
}

/** What whoever is on the way can read, where there is a way. */
function warning({ settings: { tls }, addresses }: Welcome): string {
  const [, clear] = REQUIRED[tls?.require ?? "none"];
  if (clear === undefined || addresses.every(({ host }) => isLoopback(host))) return "";
  const when = tls === undefined ? "" : ", where a client does not ask for TLS";
  return `Plain FTP${when}: whoever is on the way can read ${clear}.\n`;
}

/** A URL that can be pasted; `login` is percent-encoded (RFC 3986 §2.1, RFC 1738 §3.2.1). */
export function urlOf(
  host: string,
  port: number,
  login?: { readonly name: string; readonly password?: string },
  scheme: "ftp" | "ftps" = "ftp",
): string {
  const secret = login?.password === undefined ? "" : `:${encoded(login.password)}`;
  const before = login === undefined ? "" : `${encoded(login.name)}${secret}@`;
  return `${scheme}://${before}${isIPv6(host) ? `[${host}]` : host}:${port}/`;
}

/** Also what `encodeURIComponent` leaves and a shell does not. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function isLoopback(host: string): boolean {
  return LOOPBACK.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
