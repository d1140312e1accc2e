/** What the command line may say, and its translation into plain settings. Pure: touches neither disk nor network. */
import { parseArgs } from "node:util";
import type { TlsRequirement } from "../index.js";
import type { CertificateFiles } from "./certificate.js";
import { type CloudTarget, cloudOf } from "./cloud-target.js";
import { type EntranceSettings, entranceOf } from "./entrance-flags.js";
import { type LimitSettings, limitsOf } from "./limit-flags.js";
import { type PassiveSettings, passiveOf } from "./passive-flags.js";
import { type ProcessSettings, processesOf } from "./process-flags.js";
import {
  ACCESS_FORMATS,
  fileOf,
  hostOf,
  integerOf,
  isEverybody,
  LEVELS,
  metricsOf,
  oneOf,
  REQUIREMENTS,
  UsageError,
  type User,
  userOf,
} from "./values.js";

/** What the program was told of TLS. */
export interface TlsSettings {
  /** `undefined` for a pair that is made now and vouches for itself. */
  readonly files: CertificateFiles | undefined;
  /** Where TLS begins at once; `undefined` for nowhere. */
  readonly implicitPort: number | undefined;
  readonly require: TlsRequirement;
}

/** Where the access log goes. */
export interface AccessLogSettings {
  /** As given. */
  readonly path: string;
  readonly format: (typeof ACCESS_FORMATS)[number];
}

/** Where numbers and health are told over HTTP. */
export interface MetricsSettings {
  readonly host: string;
  readonly port: number;
}

/** What the program was told to serve, and how. */
export interface Settings extends ProcessSettings {
  /** The folder to serve, as given; `undefined` for a store in memory or in a cloud. */
  readonly folder: string | undefined;
  /** `undefined` for a folder or memory. */
  readonly cloud: CloudTarget | undefined;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly users: readonly User[];
  readonly anonymous: boolean;
  readonly readOnly: boolean;
  readonly passive: PassiveSettings;
  readonly entrance: EntranceSettings;
  readonly limits: LimitSettings;
  /** Bytes that all files may have together; `undefined` for no bound. */
  readonly quota: number | undefined;
  /** Milliseconds; `undefined` for the server's default, 0 for never. */
  readonly idleTimeout: number | undefined;
  /** `undefined` for plain FTP only. */
  readonly tls: TlsSettings | undefined;
  /** `undefined` for none. */
  readonly accessLog: AccessLogSettings | undefined;
  /** `undefined` for nowhere. */
  readonly metrics: MetricsSettings | undefined;
  readonly logLevel: "error" | "info" | "debug";
  /** One JSON object a line instead of text. */
  readonly json: boolean;
}

/** What to do. */
export type Task =
  | { readonly do: "help" }
  | { readonly do: "version" }
  | { readonly do: "serve"; readonly settings: Settings };

/** Every flag: what `parseArgs` needs to know of it, and what `--help` shows. */
export const FLAGS = {
  host: { type: "string", multiple: true, value: "H", help: "address or name to listen at; repeatable (127.0.0.1)" },
  port: { type: "string", value: "N", help: "port to listen at, 0 to 65535; 0 is any free one (2121)" },
  user: { type: "string", multiple: true, value: "name:password", help: "who may log in; repeatable" },
  anonymous: { type: "boolean", help: "let in anonymous and ftp, with any password, to read only" },
  "read-only": { type: "boolean", help: "let nobody change anything" },
  "pasv-ports": { type: "string", value: "MIN-MAX", help: "ports for passive data connections, 1 to 65535 (any)" },
  "pasv-advertise": {
    type: "string",
    value: "MIN-MAX",
    help: "ports told instead, which NAT maps to --pasv-ports; as many",
  },
  "pasv-address": {
    type: "string",
    multiple: true,
    value: "A",
    help: "address or name that PASV tells clients, or NETWORK=A; repeatable (where they came)",
  },
  "proxy-from": {
    type: "string",
    multiple: true,
    value: "CIDR",
    help: "proxies in front that send PROXY headers; nobody else may connect; repeatable",
  },
  "proxy-passive": { type: "boolean", help: "the passive ports are behind these proxies too" },
  allow: { type: "string", multiple: true, value: "CIDR", help: "let in this network and no other; repeatable (all)" },
  deny: { type: "string", multiple: true, value: "CIDR", help: "keep out this network; repeatable (none)" },
  "ban-exempt": {
    type: "string",
    multiple: true,
    value: "CIDR",
    help: "ban nobody of this network for wrong passwords; repeatable (none)",
  },
  limit: {
    type: "string",
    multiple: true,
    value: "NAME=N",
    help: "a bound: address.sessions=20, bans=off …; repeatable",
  },
  quota: { type: "string", value: "BYTES", help: "what all files may hold together; not with --workers (no bound)" },
  "idle-timeout": { type: "string", value: "SECONDS", help: "until an idle client is sent away; 0 is never (300)" },
  "tls-cert": {
    type: "string",
    value: "FILE",
    help: "certificate for TLS and what vouches for it, PEM; with --tls-key",
  },
  "tls-key": { type: "string", value: "FILE", help: "private key of the certificate, PEM, without passphrase" },
  "tls-self-signed": { type: "boolean", help: "make a certificate for this run; needs the package selfsigned" },
  "tls-require": { type: "string", value: "WHAT", help: "what needs TLS: none, login, data or all (all)" },
  "implicit-port": {
    type: "string",
    value: "N",
    help: "one more port, for clients that begin with TLS; 0 is any free one",
  },
  memory: { type: "boolean", help: "serve sample files from memory instead of a folder" },
  s3: { type: "string", value: "NAME/PREFIX", help: "serve a bucket of S3 or of a compatible store, or a part of it" },
  azure: { type: "string", value: "NAME/PREFIX", help: "serve a container of Azure Blob Storage, or a part of it" },
  gcs: { type: "string", value: "NAME/PREFIX", help: "serve a bucket of Google Cloud Storage, or a part of it" },
  endpoint: { type: "string", value: "URL", help: "where that store is (its provider's own place)" },
  "access-log": { type: "string", value: "FILE", help: "add a line for what clients do; SIGHUP opens it anew" },
  "access-log-format": { type: "string", value: "FORMAT", help: "xferlog: files that moved, or json: more (xferlog)" },
  metrics: { type: "string", value: "[HOST:]PORT", help: "tell numbers at http://HOST:PORT/metrics (127.0.0.1)" },
  workers: { type: "string", value: "N", help: "processes that serve side by side, 1 to 1024 (this one alone)" },
  drain: { type: "string", value: "SECONDS", help: "for running transfers, where it is stopped (10)" },
  "log-level": { type: "string", value: "LEVEL", help: "error, info, or debug: with every command (info)" },
  json: { type: "boolean", help: "print one JSON object a line" },
  help: { type: "boolean", help: "print this and stop" },
  version: { type: "boolean", help: "print the version and stop" },
} as const;

/** Node's timers take no more than 2^31-1 milliseconds. */
const MAX_SECONDS = 2_147_483;
type Values = ReturnType<typeof split>["values"];
const ANY_PORT = ", 0 for any free port";

/**
 * Reads the command line.
 * @throws UsageError saying what is wrong and what is allowed
 */
export function parseFlags(args: readonly string[]): Task {
  const { values, positionals } = split(args);
  if (values.help) return { do: "help" };
  if (values.version) return { do: "version" };
  return { do: "serve", settings: settingsOf(values, positionals) };
}

function split(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(explain(error as Error));
  }
}

/** What is wrong, and what is allowed. Node's own messages say the first only. */
function explain({ message }: Error): string {
  const named = Object.entries(FLAGS).find(([name]) => new RegExp(`'--${name}[ ']`).test(message));
  if (named === undefined) return `${message.split(". ", 1)[0]}. Allowed: ${allFlags().join(", ")}`;
  const [name, flag] = named;
  if (!("value" in flag)) return `--${name} takes no value`;
  return `--${name} needs a value: --${name} ${flag.value} (--${name}=… where the value begins with a dash)`;
}

function allFlags(): readonly string[] {
  return Object.keys(FLAGS).map((name) => `--${name}`);
}

function settingsOf(values: Values, positionals: readonly string[]): Settings {
  const users = (values.user ?? []).map(userOf);
  const anonymous = values.anonymous ?? false;
  checkNames(users, anonymous);
  const idleSeconds = integerOf("--idle-timeout", values["idle-timeout"], 0, MAX_SECONDS, " seconds, 0 for never");
  const port = integerOf("--port", values.port, 0, 65_535, ANY_PORT) ?? 2121;
  const cloud = cloudOf(values);
  return {
    folder: folderOf(values.memory ? "memory" : cloud?.cloud, positionals),
    cloud,
    hosts: values.host?.map(hostOf) ?? ["127.0.0.1"],
    port,
    users,
    anonymous,
    readOnly: values["read-only"] ?? false,
    passive: passiveOf(values),
    entrance: entranceOf(values),
    limits: limitsOf(values.limit),
    quota: integerOf("--quota", values.quota, 1, Number.MAX_SAFE_INTEGER, " bytes"),
    idleTimeout: idleSeconds === undefined ? undefined : idleSeconds * 1000,
    tls: tlsOf(values, port),
    accessLog: accessLogOf(values),
    metrics: metricsOf("--metrics", values.metrics),
    logLevel: oneOf("--log-level", values["log-level"], LEVELS) ?? "info",
    json: values.json ?? false,
    ...processesOf(values),
  };
}

function tlsOf(values: Values, port: number): TlsSettings | undefined {
  const files = filesOf(values);
  const implicitPort = integerOf("--implicit-port", values["implicit-port"], 0, 65_535, ANY_PORT);
  const require = oneOf("--tls-require", values["tls-require"], REQUIREMENTS);
  if (files === undefined && values["tls-self-signed"] !== true) {
    const idle = implicitPort !== undefined ? "--implicit-port" : require && "--tls-require";
    if (idle === undefined) return undefined;
    throw new UsageError(`${idle} needs a certificate: --tls-cert and --tls-key, or --tls-self-signed`);
  }
  if (implicitPort !== undefined && implicitPort !== 0 && implicitPort === port)
    throw new UsageError(`--implicit-port must be another port than --port, not ${port} too`);
  return { files, implicitPort, require: require ?? "all" };
}

function accessLogOf(values: Values): AccessLogSettings | undefined {
  const path = fileOf("--access-log", values["access-log"]);
  const format = oneOf("--access-log-format", values["access-log-format"], ACCESS_FORMATS);
  if (path === undefined && format !== undefined)
    throw new UsageError("--access-log-format needs a file: --access-log FILE");
  return path === undefined ? undefined : { path, format: format ?? "xferlog" };
}

function filesOf(values: Values): CertificateFiles | undefined {
  const cert = fileOf("--tls-cert", values["tls-cert"]);
  const key = fileOf("--tls-key", values["tls-key"]);
  if (cert === undefined && key === undefined) return undefined;
  if (values["tls-self-signed"])
    throw new UsageError("give either --tls-cert and --tls-key, or --tls-self-signed, not both");
  if (cert === undefined) throw new UsageError("--tls-key needs its certificate: --tls-cert FILE");
  if (key === undefined) throw new UsageError("--tls-cert needs its private key: --tls-key FILE");
  return { cert, key };
}

/** @param instead the flag that names another store */
function folderOf(instead: string | undefined, positionals: readonly string[]): string | undefined {
  if (instead !== undefined && positionals.length > 0)
    throw new UsageError(`give either a folder or --${instead}, not both`);
  if (positionals.length > 1) throw new UsageError(`give one folder at the most, not ${positionals.length}`);
  if (positionals[0] === "") throw new UsageError("the folder must not be empty text");
  return instead === undefined ? (positionals[0] ?? ".") : undefined;
}

function checkNames(users: readonly User[], anonymous: boolean): void {
  const names = users.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new UsageError(`--user ${twice} is given twice; each name may have one password`);
  const taken = names.find((name) => anonymous && isEverybody(name));
  if (taken !== undefined)
    throw new UsageError(`--anonymous lets ${taken} in with any password; give either that or --user ${taken}`);
}
