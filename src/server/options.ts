/** The options of a server: what they mean, their units, ranges and defaults, and the checks. */
import { PassivePorts } from "../channel/passive-ports.js";
import { type PortRange, sizeOf } from "../channel/port-range.js";
import { RestingListeners } from "../channel/resting-listeners.js";
import type { CustomCommand } from "../commands/table.js";
import { checkLimits, type Limits } from "../limits/limits.js";
import { Scope } from "../limits/scope.js";
import { AdvertisedAddress, type PassiveAddress } from "../session/passive-address.js";
import { checkRequirement, type TlsRequirement } from "../session/requirement.js";
import type { Session } from "../session/session.js";
import type { Settings } from "../session/settings.js";
import { Slots } from "../session/slots.js";
import { integer, known, milliseconds, oneOf, optional } from "./checks.js";
import { ENTRANCE_OPTIONS, Entrance, type EntranceOptions } from "./entrance.js";
import { ADMISSION_OPTIONS, type AdmissionOptions } from "./limit-options.js";
import type { TlsOptions } from "./tls-options.js";

/** Where to listen, and for whom. */
export interface ListenerOptions extends EntranceOptions {
  /** Address or name. Default: every address, IPv6 and IPv4. */
  readonly host?: string | undefined;
  /** 0 to 65535; 0 is any free port. Default 21, and 990 with `implicitTls`. */
  readonly port?: number | undefined;
  /**
   * The descriptor of a socket that listens already, 0 to 2^31-1, instead of `host` and `port`: whoever has opened it keeps
   * it open while one server ends and the next one begins (systemd: the first is 3).
   */
  readonly fd?: number | undefined;
  /** Whether TLS begins at once, without AUTH; needs `tls`. Default `false`. */
  readonly implicitTls?: boolean | undefined;
  /** What nobody may do here without TLS. Default: as `tls.require` says. */
  readonly requireTls?: TlsRequirement | undefined;
  /** The bounds that all clients share that come in here. Default: none besides those of the server. */
  readonly limits?: Limits | undefined;
}

/** A place to listen at, complete. */
export interface Place extends Pick<ListenerOptions, "host" | "fd" | "requireTls"> {
  readonly port: number;
  readonly implicitTls: boolean;
  readonly entrance: Entrance;
  /** What all clients that come in here share. */
  readonly scope: Scope;
}

/** Passive data connections: PASV and EPSV. */
export interface PassiveOptions<Account = unknown> {
  /**
   * First and last port, 1 to 65535. Default: any port that the system gives. Open this range in the firewall. When all
   * are in use, clients of different addresses share one.
   */
  readonly ports?: PortRange | undefined;
  /** The ports that PASV and EPSV tell clients instead, where NAT maps these to `ports`: first and last, as many as there. */
  readonly advertise?: PortRange | undefined;
  /**
   * The IPv4 address that PASV tells clients, where it is not the one they connect to: an address, a host name, a map of
   * client networks (CIDR) to these, or a function of the session. EPSV needs none.
   */
  readonly address?: PassiveAddress<Session<Account>> | undefined;
}

/** Active data connections: PORT and EPRT. */
export interface ActiveOptions {
  /** Default `true`; only ever to the client's own address, ports 1024 and up. */
  readonly enabled?: boolean | undefined;
  /** The port to connect from, 0 to 65535: 20 is what RFC 959 §3.2 has and some firewalls want (needs the right to bind it). Default 0: any. */
  readonly sourcePort?: number | undefined;
}

/** Bounds of each listing; `limits` has more. A single directory over a data connection has none of these: it is streamed. */
export interface ListingOptions {
  /** Levels of directories that `LIST -R` enters, 0 to 1000. Default 16. */
  readonly maxDepth?: number | undefined;
  /** Entries that `LIST -R` shows, 1 to 2^53-1. Default 1,000,000. */
  readonly maxEntries?: number | undefined;
  /**
   * How long the store may be at work for one `LIST -R`, or one STAT with a path; the time that the client takes to read
   * does not count. Default 60,000.
   */
  readonly maxMilliseconds?: number | undefined;
  /** Entries that STAT with a path shows, 1 to 1,000,000. Default 1000. */
  readonly statLines?: number | undefined;
}

/** What a server can be told. Times in milliseconds, where 0 switches a limit off; at most 2^31-1. */
export interface ServerOptions<Account = unknown>
  extends Omit<ListenerOptions, "requireTls" | "limits">,
    AdmissionOptions {
  /** Several places to listen at, instead of `host`, `port` and `implicitTls`. */
  readonly listeners?: readonly ListenerOptions[] | undefined;
  /** Certificates, and what is required. Default: no TLS. */
  readonly tls?: TlsOptions | undefined;
  readonly passive?: PassiveOptions<Account> | undefined;
  readonly active?: ActiveOptions | undefined;
  /** The text of the greeting. Default: a word, without name and version. */
  readonly greeting?: string | undefined;
  /** Between commands; never while a transfer or a commit runs. Default 300,000 (RFC 1123 §4.1.3.2). */
  readonly idleTimeout?: number | undefined;
  /** From the connection to the login. Default 60,000. */
  readonly loginTimeout?: number | undefined;
  /** Until a data connection is up. Default 30,000. */
  readonly dataTimeout?: number | undefined;
  /** Without a byte moving while we wait for the client, on a data connection or for replies to be read. Default 60,000. */
  readonly stallTimeout?: number | undefined;
  /** For all the listeners of one question together. Default 30,000. */
  readonly hookTimeout?: number | undefined;
  /** What becomes of an upload that breaks off: nothing is seen of it, or what came is kept for REST and APPE. Default `discard`. */
  readonly partialUploads?: "discard" | "keep" | undefined;
  /** Whether RNTO replaces a file that exists. Default `false`: 553. */
  readonly overwriteOnRename?: boolean | undefined;
  /** Whether USER after a login begins a new one, with nothing of the old left. Default `false`: 503. */
  readonly allowRelogin?: boolean | undefined;
  /** Bytes of a control line, 512 to 65,536. Default 8192. */
  readonly maxLineLength?: number | undefined;
  /** Commands that may wait behind one that runs, 1 to 10,000; more stay in the network. Default 64. */
  readonly maxQueuedCommands?: number | undefined;
  /** Failed logins after which the connection ends with 421, 0 to 1000; 0 is no limit. Default 3 (RFC 2577 §5). */
  readonly maxLoginAttempts?: number | undefined;
  /**
   * Lines in a row that are no command, after which the connection ends with 421, 0 to 100,000; ten times as many once
   * logged in. 0 is no limit. Default 10.
   */
  readonly maxUnknownCommands?: number | undefined;
  /** Bytes read to answer SIZE, or to find a restart marker, in TYPE A, 0 to 2^53-1; 550 or 554 beyond. Default 64 MiB. */
  readonly asciiScanLimit?: number | undefined;
  /** Bytes of a file that HASH and its kin make a checksum of, 0 to 2^53-1; 556 beyond. Default 16 GiB. */
  readonly checksumScanLimit?: number | undefined;
  /** Checksums that are made at once for all sessions, 0 to 1000; 450 beyond. With 0 there are no such commands. Default 2. */
  readonly maxChecksums?: number | undefined;
  readonly listing?: ListingOptions | undefined;
  /** Commands of the host; one with the verb of a standard command takes its place. */
  readonly commands?: readonly CustomCommand[] | undefined;
  /** Subcommands of SITE of the host. */
  readonly siteCommands?: readonly CustomCommand[] | undefined;
}

const MAX_PORT = 65_535;

/** Every option, so that a misspelt one is not silently off. */
const SERVER_OPTIONS = [
  ...ENTRANCE_OPTIONS,
  ...ADMISSION_OPTIONS,
  ..."host port fd implicitTls listeners tls passive active greeting idleTimeout loginTimeout dataTimeout stallTimeout".split(
    " ",
  ),
  ..."hookTimeout partialUploads overwriteOnRename allowRelogin maxLineLength maxQueuedCommands".split(" "),
  ..."maxLoginAttempts maxUnknownCommands asciiScanLimit checksumScanLimit maxChecksums".split(" "),
  ..."listing commands siteCommands".split(" "),
];

/** The options of sessions, checked and complete. @throws TypeError, RangeError naming the option */
export function settingsOf<Account>(options: ServerOptions<Account>): Settings {
  const time = (
    name: "idleTimeout" | "loginTimeout" | "dataTimeout" | "stallTimeout" | "hookTimeout",
    fallback: number,
  ) => milliseconds(name, options[name], fallback);
  const bytes = (name: "asciiScanLimit" | "checksumScanLimit", fallback: number) =>
    integer(name, options[name], fallback, 0, Number.MAX_SAFE_INTEGER, " bytes");
  known("", options, SERVER_OPTIONS);
  const { listing = {}, active = {}, passive = {} } = options;
  known("listing", listing, ["maxDepth", "maxEntries", "maxMilliseconds", "statLines"]);
  known("active", active, ["enabled", "sourcePort"]);
  known("passive", passive, ["ports", "advertise", "address"]);
  const ports = portRange("passive.ports", passive.ports);
  return {
    greeting: optional("greeting", options.greeting, "string"),
    idleTimeout: time("idleTimeout", 300_000),
    loginTimeout: time("loginTimeout", 60_000),
    dataTimeout: time("dataTimeout", 30_000),
    stallTimeout: time("stallTimeout", 60_000),
    hookTimeout: time("hookTimeout", 30_000),
    partialUploads: oneOf("partialUploads", options.partialUploads ?? "discard", ["discard", "keep"]),
    overwriteOnRename: optional("overwriteOnRename", options.overwriteOnRename, "boolean") ?? false,
    allowRelogin: optional("allowRelogin", options.allowRelogin, "boolean") ?? false,
    maxLineLength: integer("maxLineLength", options.maxLineLength, 8192, 512, 65_536, " bytes"),
    maxQueuedCommands: integer("maxQueuedCommands", options.maxQueuedCommands, 64, 1, 10_000),
    maxLoginAttempts: integer("maxLoginAttempts", options.maxLoginAttempts, 3, 0, 1000),
    maxUnknownCommands: integer("maxUnknownCommands", options.maxUnknownCommands, 10, 0, 100_000),
    asciiScanLimit: bytes("asciiScanLimit", 64 * 2 ** 20),
    checksumScanLimit: bytes("checksumScanLimit", 16 * 2 ** 30),
    checksums: new Slots(integer("maxChecksums", options.maxChecksums, 2, 0, 1000)),
    listing: {
      maxDepth: integer("listing.maxDepth", listing.maxDepth, 16, 0, 1000),
      maxEntries: integer("listing.maxEntries", listing.maxEntries, 1_000_000, 1, Number.MAX_SAFE_INTEGER),
      maxMilliseconds: milliseconds("listing.maxMilliseconds", listing.maxMilliseconds, 60_000),
      statLines: integer("listing.statLines", listing.statLines, 1000, 1, 1_000_000),
    },
    passive: {
      address: new AdvertisedAddress(passive.address as PassiveAddress | undefined),
      portOffset: portOffset(ports, portRange("passive.advertise", passive.advertise)),
    },
    active: {
      enabled: optional("active.enabled", active.enabled, "boolean") ?? true,
      sourcePort: integer("active.sourcePort", active.sourcePort, 0, 0, MAX_PORT),
    },
    ports: new PassivePorts(ports, new RestingListeners()),
  };
}

/** Where to listen, complete. @throws TypeError, RangeError naming the option */
export function placesOf(
  options: Pick<ListenerOptions, "host" | "port" | "fd" | "implicitTls"> & {
    readonly listeners?: readonly ListenerOptions[] | undefined;
    readonly tls?: unknown;
  },
  entrance: Entrance,
): readonly Place[] {
  const { listeners, host, port, fd, implicitTls, tls } = options;
  const hasTls = tls !== undefined;
  if (listeners === undefined) return [placeOf({ host, port, fd, implicitTls }, "", hasTls, entrance)];
  if (host !== undefined || port !== undefined || fd !== undefined || implicitTls !== undefined)
    throw new TypeError("give either listeners, or host, port, fd and implicitTls");
  if (!Array.isArray(listeners) || listeners.length === 0)
    throw new TypeError("listeners must be an array of { host, port }");
  return listeners.map((listener: ListenerOptions, index) =>
    placeOf(listener, `listeners[${index}]`, hasTls, entrance),
  );
}

/** One place, complete. @param entrance that of the server @throws TypeError, RangeError naming the option */
export function placeOf(listener: ListenerOptions, name: string, hasTls: boolean, entrance: Entrance): Place {
  known(name, listener, ["host", "port", "fd", "implicitTls", "requireTls", "limits", ...ENTRANCE_OPTIONS]);
  const prefix = name && `${name}.`;
  const implicitTls = optional(`${prefix}implicitTls`, listener.implicitTls, "boolean") ?? false;
  const requireTls = checkRequirement(`${prefix}requireTls`, listener.requireTls);
  if (!hasTls && implicitTls) throw new TypeError(`${prefix}implicitTls needs tls, with a certificate`);
  if (!hasTls && requireTls !== undefined && requireTls !== "none")
    throw new TypeError(`${prefix}requireTls needs tls, with a certificate`);
  return {
    host: optional(`${prefix}host`, listener.host, "string"),
    fd: descriptor(prefix, listener),
    port: integer(`${prefix}port`, listener.port, implicitTls ? 990 : 21, 0, MAX_PORT),
    implicitTls,
    requireTls,
    entrance: new Entrance(listener, prefix, entrance),
    scope: new Scope("listener", checkLimits(`${prefix}limits`, listener.limits ?? {})),
  };
}

function descriptor(prefix: string, { fd, host, port }: ListenerOptions): number | undefined {
  if (fd === undefined) return undefined;
  if (host !== undefined || port !== undefined)
    throw new TypeError(`give either ${prefix}fd, or ${prefix}host and ${prefix}port`);
  return integer(`${prefix}fd`, fd, 0, 0, 2 ** 31 - 1);
}

function portRange(name: string, ports: PortRange | undefined): PortRange | undefined {
  if (ports === undefined) return undefined;
  if (!Array.isArray(ports) || ports.length !== 2)
    throw new TypeError(`${name} must be [first, last], ports from 1 to 65535`);
  const [first, last] = ports.map((port: number) => integer(name, port, 0, 1, MAX_PORT)) as [number, number];
  if (first > last) throw new RangeError(`${name} must be [first, last] in order, not [${first}, ${last}]`);
  return [first, last];
}

function portOffset(ports: PortRange | undefined, advertised: PortRange | undefined): number {
  if (advertised === undefined) return 0;
  if (ports === undefined) throw new TypeError("passive.advertise needs passive.ports, the ports that are listened on");
  if (sizeOf(ports) !== sizeOf(advertised))
    throw new RangeError(
      `passive.advertise must be as many ports as passive.ports, ${sizeOf(ports)}, not ${sizeOf(advertised)}`,
    );
  return advertised[0] - ports[0];
}
