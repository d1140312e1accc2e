/** Flags and their values, in tables. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { FLAGS, parseFlags, type Settings } from "../../dist/cli/flags.js";
import { usage } from "../../dist/cli/usage.js";
import { UsageError } from "../../dist/cli/values.js";

const NO_PASSIVE = { ports: undefined, advertise: undefined, address: undefined };
const OPEN = { proxy: undefined, allow: undefined, deny: undefined, bans: undefined };
const DEFAULTS: Settings = {
  folder: ".",
  cloud: undefined,
  hosts: ["127.0.0.1"],
  port: 2121,
  users: [],
  anonymous: false,
  readOnly: false,
  passive: NO_PASSIVE,
  entrance: OPEN,
  limits: { limits: {}, bans: {}, loginDelay: undefined },
  quota: undefined,
  idleTimeout: undefined,
  tls: undefined,
  accessLog: undefined,
  metrics: undefined,
  logLevel: "info",
  json: false,
  workers: undefined,
  drain: 10_000,
};

const FILES = { cert: "c.pem", key: "k.pem" };
const PAIR = ["--tls-cert", "c.pem", "--tls-key", "k.pem"];
const TLS = { files: FILES, implicitPort: undefined, require: "all" } as const;

const GOOD: readonly (readonly [args: string[], settings: Partial<Settings>])[] = [
  [[], {}],
  [["files"], { folder: "files" }],
  [["--", "--files"], { folder: "--files" }],
  [["--memory"], { folder: undefined }],
  [["--host", "::1", "--host", "localhost"], { hosts: ["::1", "localhost"] }],
  [["--port", "0"], { port: 0 }],
  [["--port=65535"], { port: 65_535 }],
  [["--user", "anna:secret"], { users: [{ name: "anna", password: "secret" }] }],
  [["--user", "anna:a:b:", "--user=bob:-x"], { users: [user("anna", "a:b:"), user("bob", "-x")] }],
  [["--anonymous"], { anonymous: true }],
  [["--user", "ftp:secret"], { users: [user("ftp", "secret")] }],
  [["--read-only"], { readOnly: true }],
  [["--pasv-ports", "1-65535"], { passive: { ...NO_PASSIVE, ports: [1, 65_535] } }],
  [["--pasv-ports", "50000-50000"], { passive: { ...NO_PASSIVE, ports: [50_000, 50_000] } }],
  [
    ["--pasv-ports", "50000-50001", "--pasv-advertise", "60000-60001"],
    { passive: { ...NO_PASSIVE, ports: [50_000, 50_001], advertise: [60_000, 60_001] } },
  ],
  [["--pasv-address", "192.0.2.1"], { passive: { ...NO_PASSIVE, address: "192.0.2.1" } }],
  [["--pasv-address", "ftp.example.org"], { passive: { ...NO_PASSIVE, address: "ftp.example.org" } }],
  [["--pasv-address", "auto"], { passive: NO_PASSIVE }],
  [
    ["--pasv-address=203.0.113.7", "--pasv-address=10.0.0.0/8=auto", "--pasv-address=192.0.2.1=ftp.example.org"],
    {
      passive: {
        ...NO_PASSIVE,
        address: { "10.0.0.0/8": undefined, "192.0.2.1": "ftp.example.org", "0.0.0.0/0": "203.0.113.7" },
      },
    },
  ],
  [["--proxy-from", "10.0.0.0/24"], { entrance: { ...OPEN, proxy: { from: ["10.0.0.0/24"], passive: false } } }],
  [
    ["--proxy-from=10.0.0.1", "--proxy-from=::1", "--proxy-passive"],
    { entrance: { ...OPEN, proxy: { from: ["10.0.0.1", "::1"], passive: true } } },
  ],
  [
    ["--allow=10.0.0.0/8", "--allow=fe80::/10", "--deny=10.0.0.9"],
    { entrance: { ...OPEN, allow: ["10.0.0.0/8", "fe80::/10"], deny: ["10.0.0.9"] } },
  ],
  [
    ["--ban-exempt=10.0.0.0/8", "--ban-exempt=::1", "--limit=bans.after=5"],
    {
      entrance: { ...OPEN, bans: { exempt: ["10.0.0.0/8", "::1"] } },
      limits: { limits: {}, bans: { after: 5 }, loginDelay: undefined },
    },
  ],
  [["--quota", "1"], { quota: 1 }],
  [["--quota=9007199254740991"], { quota: 9_007_199_254_740_991 }],
  [["--workers", "4", "--pasv-ports=1-4"], { workers: 4, passive: { ...NO_PASSIVE, ports: [1, 4] } }],
  [["--drain", "0"], { drain: 0 }],
  [["--limit", "bans=off"], { limits: { limits: {}, bans: { after: 0 }, loginDelay: undefined } }],
  [
    ["--limit=address.sessions=5", "--limit=address.pending=off", "--limit=bans.after=3", "--limit=loginDelay=0"],
    { limits: { limits: { address: { sessions: 5, pending: 0 } }, bans: { after: 3 }, loginDelay: 0 } },
  ],
  [
    ["--limit=listener.sessions=9", "--limit=listing.maxMilliseconds=off", "--limit=maxLoginAttempts=5"],
    {
      limits: {
        limits: {},
        bans: {},
        loginDelay: undefined,
        maxLoginAttempts: 5,
        listener: { sessions: 9 },
        listing: { maxMilliseconds: 0 },
      },
    },
  ],
  [["--idle-timeout", "0"], { idleTimeout: 0 }],
  [["--idle-timeout", "2147483"], { idleTimeout: 2_147_483_000 }],
  [["--log-level", "error"], { logLevel: "error" }],
  [["--log-level", "debug"], { logLevel: "debug" }],
  [["--json"], { json: true }],
  [PAIR, { tls: TLS }],
  [["--tls-self-signed"], { tls: { ...TLS, files: undefined } }],
  [[...PAIR, "--implicit-port", "990"], { tls: { ...TLS, implicitPort: 990 } }],
  [[...PAIR, "--implicit-port=0", "--port=0"], { port: 0, tls: { ...TLS, implicitPort: 0 } }],
  [["--tls-self-signed", "--tls-require", "none"], { tls: { ...TLS, files: undefined, require: "none" } }],
  [[...PAIR, "--tls-require", "login"], { tls: { ...TLS, require: "login" } }],
  [[...PAIR, "--tls-require", "data"], { tls: { ...TLS, require: "data" } }],
  [[...PAIR, "--tls-require", "all"], { tls: TLS }],
  [["--access-log", "a.log"], { accessLog: { path: "a.log", format: "xferlog" } }],
  [["--access-log=a", "--access-log-format=json"], { accessLog: { path: "a", format: "json" } }],
  [["--metrics", "9090"], { metrics: { host: "127.0.0.1", port: 9090 } }],
  [["--metrics", "0.0.0.0:0"], { metrics: { host: "0.0.0.0", port: 0 } }],
  [["--metrics", "localhost:1"], { metrics: { host: "localhost", port: 1 } }],
  [["--metrics", "[::1]:65535"], { metrics: { host: "::1", port: 65_535 } }],
];

const NO_CERTIFICATE = /needs a certificate: --tls-cert and --tls-key, or --tls-self-signed$/;

const BAD: readonly (readonly [args: string[], message: RegExp])[] = [
  [["--workers=3", "--pasv-ports=1-2"], /^--pasv-ports must be 3 ports or more, one for each of --workers$/],
  [["--workers=2", "--memory"], /^--workers have no memory in common; give a folder/],
  [["--workers=2", "--quota=1"], /^--quota is counted in one process, and --workers are several; give one of them/],
  [["--limit=address.sessions"], /^--limit must be NAME=NUMBER or NAME=off, such as address.sessions=20/],
  [["--limit=address.session=1"], /^--limit: unknown option limits\.address\.session; known are sessions, pending/],
  [["--limit=adress.sessions=1"], /^--limit: unknown option limits\.adress/],
  [["--limit=sessions=1"], /^--limit sessions: there is no such bound/],
  [["--limit=listing.maxEntries=off"], /^--limit: listing\.maxEntries must be an integer from 1 to/],
  [["--limit=maxQueuedCommands=off"], /^--limit: maxQueuedCommands must be an integer from 1 to 10000/],
  [["--limit=listener.session=1"], /^--limit: unknown option listeners\[0\]\.limits\.session; known are sessions/],
  [["--limit=bans.duration=5"], /^--limit: bans\.duration must be an integer from 1000 to \d+ milliseconds/],
  [["--limit=bans=5"], /^--limit bans: there is no such bound; a whole name is needed, such as .* bans\.after$/],
  [["--pasv-advertise", "1-2"], /^--pasv-advertise needs --pasv-ports/],
  [
    ["--pasv-ports", "5-7", "--pasv-advertise", "1-2"],
    /^--pasv-advertise must be as many ports as --pasv-ports, 3, not 2$/,
  ],
  [["--pasv-address=192.0.2.1", "--pasv-address=192.0.2.2"], /^--pasv-address is given twice for 0\.0\.0\.0\/0$/],
  [["--pasv-address=10.0.0.0/8=auto", "--pasv-address=10.0.0.0/8=auto"], /given twice for 10\.0\.0\.0\/8$/],
  [["--prot", "21"], /--prot.*Allowed: --host, --port, --user, .*--version$/],
  [["-p", "21"], /-p'.*Allowed: --host/],
  [["--no-json"], /--no-json.*Allowed: --host/],
  [["--json=yes"], /^--json takes no value$/],
  [["--port"], /^--port needs a value: --port N/],
  [["--port", "--json"], /^--port needs a value: --port N/],
  [["--port", "-1"], /^--port needs a value: --port N .*begins with a dash/],
  [["--user", "--anonymous"], /^--user needs a value: --user name:password/],
  [["--user=anna:hunter2\r"], /^--user must be name:password without control characters$/],
  [
    ["--user", "anna:hunter2", "--user", "anna:hunter3"],
    /^--user anna is given twice; each name may have one password$/,
  ],
  [
    ["--anonymous", "--user", "ftp:hunter2"],
    /^--anonymous lets ftp in with any password; give either that or --user ftp$/,
  ],
  [["--memory", "files"], /^give either a folder or --memory, not both$/],
  [["anna:hunter2", "b"], /^give one folder at the most, not 2$/],
  [[""], /^the folder must not be empty text$/],
  [["--tls-cert", "c.pem"], /^--tls-cert needs its private key: --tls-key FILE$/],
  [["--tls-key", "k.pem"], /^--tls-key needs its certificate: --tls-cert FILE$/],
  [["--tls-cert"], /^--tls-cert needs a value: --tls-cert FILE /],
  [["--tls-self-signed=yes"], /^--tls-self-signed takes no value$/],
  ...[PAIR, ["--tls-cert", "c.pem"], ["--tls-key", "k.pem"]].map((files): readonly [string[], RegExp] => [
    ["--tls-self-signed", ...files],
    /^give either --tls-cert and --tls-key, or --tls-self-signed, not both$/,
  ]),
  [["--implicit-port", "990"], new RegExp(`^--implicit-port ${NO_CERTIFICATE.source}`)],
  [["--tls-require", "all"], new RegExp(`^--tls-require ${NO_CERTIFICATE.source}`)],
  [["--tls-require", "none"], new RegExp(`^--tls-require ${NO_CERTIFICATE.source}`)],
  [["--proxy-passive"], /^--proxy-passive needs the proxies: --proxy-from CIDR$/],
  [["--access-log-format", "json"], /^--access-log-format needs a file: --access-log FILE$/],
  [[...PAIR, "--implicit-port", "2121"], /^--implicit-port must be another port than --port, not 2121 too$/],
];

/** Values that each flag refuses, with the same words. */
const BAD_VALUES: readonly (readonly [flag: string, message: RegExp, values: readonly string[]])[] = [
  [
    "--port",
    /^--port must be a whole number from 0 to 65535, 0 for any free port, not "/,
    ["", "65536", "21.5", "0x15", "1e3", " 21", "-1", "ftp", "9".repeat(400)],
  ],
  ["--workers", /^--workers must be a whole number from 1 to 1024, not "/, ["0", "1025", "-1", "two", ""]],
  ["--drain", /^--drain must be a whole number from 0 to 2000000 seconds, not "/, ["-1", "2000001", "1.5"]],
  [
    "--idle-timeout",
    /^--idle-timeout must be a whole number from 0 to 2147483 seconds, 0 for never, not "/,
    ["", "-1", "1.5", "2147484", "5m"],
  ],
  [
    "--pasv-ports",
    /^--pasv-ports must be MIN-MAX, ports from 1 to 65535, the lower first, not "/,
    ["", "50000", "0-10", "10-9", "1-65536", "1-2-3", "a-b", "1 - 2"],
  ],
  [
    "--pasv-address",
    /^--pasv-address must be an IPv4 address such as 192\.0\.2\.1, a host name, or auto, also behind NETWORK=, not "/,
    ["", "::1", "300.0.0.1", "127.1", "a b", "10.0.0.0/8=", "10.0.0.0/8=::1", "ftp://example.org"],
  ],
  [
    "--pasv-address",
    /^--pasv-address: ".*" (is no address and no network|is no network|has bits set behind its prefix)/,
    ["=192.0.2.1", "10.0.0.0/33=auto", "10.0.0.1/8=192.0.2.1", "example.org=192.0.2.1"],
  ],
  [
    "--pasv-advertise",
    /^--pasv-advertise must be MIN-MAX, ports from 1 to 65535, the lower first, not "/,
    ["", "50000", "10-9", "1-65536"],
  ],
  [
    "--host",
    /^--host must be an IP address, IPv6 without brackets, or a host name, not "/,
    ["", "[::1]", "a b", "ftp://localhost"],
  ],
  ["--tls-cert", /^--tls-cert must be the name of a file, not ""$/, [""]],
  ["--tls-key", /^--tls-key must be the name of a file, not ""$/, [""]],
  ["--tls-require", /^--tls-require must be one of none, login, data, all, not "/, ["", "ALL", "control"]],
  [
    "--implicit-port",
    /^--implicit-port must be a whole number from 0 to 65535, 0 for any free port, not "/,
    ["", "65536", "-1", "ftps"],
  ],
  [
    "--quota",
    /^--quota must be a whole number from 1 to 9007199254740991 bytes, not "/,
    ["", "0", "-1", "1.5", "10G", "9007199254740992"],
  ],
  ...["--proxy-from", "--allow", "--deny", "--ban-exempt"].map((flag): (typeof BAD_VALUES)[number] => [
    flag,
    new RegExp(`^${flag}: ".*" (?:is no address and no network|is no network: .*|has bits set behind its prefix; .*)$`),
    ["", "10.0.0.0/33", "10.0.0.1/8", "example.org", "10.0.0.0/8,::1"],
  ]),
  ["--access-log", /^--access-log must be the name of a file, not ""$/, [""]],
  ["--access-log-format", /^--access-log-format must be one of xferlog, json, not "/, ["", "JSON"]],
  [
    "--metrics",
    /^--metrics must be PORT, HOST:PORT or \[IPv6\]:PORT, ports from 0 to 65535, not "/,
    ["", "65536", "-1", "http", "localhost", "::1:9090", "[127.0.0.1]:1", "[]:1", "a b:1", ":1"],
  ],
  ["--log-level", /^--log-level must be one of error, info, debug, not "/, ["", "INFO", "warn"]],
  ["--user", /^--user must be name:password, neither of them empty$/, ["hunter2", "", ":hunter2", "hunter2:"]],
];

function user(name: string, password: string): Settings["users"][number] {
  return { name, password };
}

function assertRefused(args: readonly string[], message: RegExp): void {
  assert.throws(
    () => parseFlags(args),
    (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hunter/, "S16.2 what may be a password is in no message");
      return true;
    },
  );
}

suite("flags", () => {
  for (const [args, settings] of GOOD)
    test(`good: ${args.join(" ")}`, () =>
      assert.deepEqual(parseFlags(args), { do: "serve", settings: { ...DEFAULTS, ...settings } }));

  for (const [args, message] of BAD) test(`bad: ${JSON.stringify(args)}`, () => assertRefused(args, message));

  for (const [flag, message, values] of BAD_VALUES)
    test(`bad: ${flag} ${values.map((value) => JSON.stringify(value.slice(0, 20))).join(", ")}`, () => {
      for (const value of values) assertRefused([`${flag}=${value}`], message);
    });

  test("--help and --version come before everything else", () => {
    assert.deepEqual(parseFlags(["--help", "--port", "x"]), { do: "help" });
    assert.deepEqual(parseFlags(["--port", "x", "--version"]), { do: "version" });
  });

  test("--help shows every flag, in lines that fit into a terminal", () => {
    for (const name of Object.keys(FLAGS)) assert.match(usage(), new RegExp(`^ {2}--${name}\\b`, "m"));
    for (const line of usage().split("\n")) assert.ok(line.length <= 110, line);
  });

  test("--help and the table of the README name the same flags", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
    const rows = readme.split("\n").filter((line) => line.startsWith("| `--"));
    const named = new Set(rows.map((row) => /^\| `--([a-z0-9-]+)/.exec(row)?.[1]));
    const obvious = ["help", "version"];
    assert.deepEqual(named, new Set(Object.keys(FLAGS).filter((name) => !obvious.includes(name))));
  });
});
