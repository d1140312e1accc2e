/** Certificates that cannot be used, and what the program says of clear connections once it listens. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { generate } from "selfsigned";
import { parseFlags } from "../../dist/cli/flags.js";
import { welcome } from "../../dist/cli/welcome.js";
import type { TlsRequirement } from "../../dist/index.js";
import type { Pair } from "../kit/certificates.js";
import { type Finished, run } from "../kit/programs.js";
import { anotherPair, certificateFolder } from "./certificate-folder.js";
import { holdPort, MAIN } from "./started.js";

function portside(...args: string[]): Promise<Finished> {
  return run(process.execPath, [MAIN, "--memory", "--port", "0", ...args]);
}

/** A key that only its passphrase opens, in the form of now and in that of before. */
function locked(key: string, type: "pkcs8" | "sec1"): string {
  return String(createPrivateKey(key).export({ type, format: "pem", cipher: "aes-128-cbc", passphrase: "hunter2" }));
}

let made: Promise<Pair> | undefined;

/** A pair with an RSA key of 512 bits. */
function weakPair(): Promise<Pair> {
  made ??= generate([{ name: "commonName", value: "localhost" }], { keySize: 512, algorithm: "sha256" }).then(
    ({ cert, private: key }) => ({ cert, key }),
  );
  return made;
}

/** What the two flags name, and what is in the files, where it is not the pair that fits. */
interface Replaced {
  readonly certName?: string;
  readonly keyName?: string;
  readonly cert?: (cert: string) => string | Promise<string>;
  readonly key?: (key: string) => string | Promise<string>;
}

const CASES: readonly (readonly [title: string, replaced: Replaced, message: string | RegExp])[] = [
  [
    "a certificate that is not there",
    { certName: "no.pem" },
    '--tls-cert "no.pem" cannot be read: no such file or directory',
  ],
  ["a key that is not there", { keyName: "no.pem" }, '--tls-key "no.pem" cannot be read: no such file or directory'],
  ["a folder", { certName: "." }, '--tls-cert "." cannot be read: illegal operation on a directory'],
  ["the key for a certificate", { certName: "key.pem" }, '--tls-cert "key.pem" holds no certificate in PEM'],
  ["the certificate for a key", { keyName: "cert.pem" }, '--tls-key "cert.pem" holds no private key in PEM'],
  ["an empty key", { key: () => "" }, '--tls-key "key.pem" holds no private key in PEM'],
  [
    "the key of another certificate",
    { key: async () => (await anotherPair()).key },
    '--tls-key "key.pem" is not the private key of --tls-cert "cert.pem"',
  ],
  [
    "a key with a passphrase",
    { key: (key: string) => locked(key, "pkcs8") },
    '--tls-key "key.pem" holds a key with a passphrase',
  ],
  [
    "an old key with a passphrase",
    { key: (key: string) => locked(key, "sec1") },
    '--tls-key "key.pem" holds a key with a passphrase',
  ],
  [
    "a chain that is broken off",
    { cert: (cert) => `${cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
    /^--tls-cert "cert\.pem" and --tls-key "key\.pem" cannot be used: .+$/,
  ],
  [
    "a key that TLS thinks too short",
    { cert: async () => (await weakPair()).cert, key: async () => (await weakPair()).key },
    /^--tls-cert "cert\.pem" and --tls-key "key\.pem" cannot be used: .*too small$/,
  ],
];

suite("what cannot be used, exit code 1", () => {
  for (const [title, replaced, message] of CASES)
    test(title, async () => {
      await using folder = await certificateFolder();
      const { certName = "cert.pem", keyName = "key.pem", cert, key } = replaced;
      if (cert) await writeFile(folder.cert, await cert(folder.pair.cert));
      if (key) await writeFile(folder.key, await key(folder.pair.key));
      const args = [MAIN, "--memory", "--port", "0", "--tls-cert", certName, "--tls-key", keyName];
      const { code, stdout, stderr } = await run(process.execPath, args, { cwd: folder.path });
      assert.deepEqual([code, stdout], [1, ""], stderr);
      const [, said = ""] = /^portside: (.*)\n$/.exec(stderr) ?? [];
      if (typeof message === "string") assert.equal(said, message);
      else assert.match(said, message);
      assert.ok(!stderr.includes(folder.pair.key.split("\n")[1] ?? ""), "what is in the key is not shown");
    });

  test("with --json the reason is JSON", async () => {
    const { code, stderr } = await portside("--json", "--tls-cert", "/no/c.pem", "--tls-key", "/no/k.pem");
    const { event, message } = JSON.parse(stderr);
    assert.deepEqual(
      [code, event, message],
      [1, "error", '--tls-cert "/no/c.pem" cannot be read: no such file or directory'],
    );
  });

  test("an implicit port in use: the message names its flag", async () => {
    await using held = await holdPort();
    const { code, stderr } = await portside("--tls-self-signed", "--implicit-port", String(held.port));
    assert.equal(code, 1);
    assert.equal(stderr, `portside: port ${held.port} at 127.0.0.1 is in use; choose another with --implicit-port\n`);
  });

  test("a certificate for nothing: wrong flags, exit code 2", async () => {
    const { code, stderr } = await portside("--implicit-port", "990");
    assert.equal(code, 2);
    assert.match(stderr, /^portside: --implicit-port needs a certificate: .*\nSee portside --help\n$/);
  });
});

suite("what can be read on the way", () => {
  for (const [require, warning] of [
    [undefined, "Plain FTP: whoever is on the way can read passwords and files."],
    ["none", "Plain FTP, where a client does not ask for TLS: whoever is on the way can read passwords and files."],
    ["login", "Plain FTP, where a client does not ask for TLS: whoever is on the way can read files."],
    ["data", "Plain FTP, where a client does not ask for TLS: whoever is on the way can read passwords."],
    ["all", undefined],
  ] as const)
    test(`${require ?? "no TLS"}: ${warning ?? "nothing"}`, () => {
      assert.deepEqual(notes(require, "192.0.2.1"), warning === undefined ? [] : [warning]);
      assert.deepEqual(notes(require, "127.0.0.1"), [], "nobody is on the way");
    });
});

/** The lines about clear connections for a server at an address. */
function notes(require: TlsRequirement | undefined, host: string): string[] {
  const task = parseFlags(require === undefined ? [] : ["--tls-self-signed", "--tls-require", require]);
  assert.ok(task.do === "serve");
  const { text } = welcome({
    version: "1.2.3",
    store: { title: "a folder", folder: undefined } as Parameters<typeof welcome>[0]["store"],
    settings: task.settings,
    made: undefined,
    certificate: undefined,
    addresses: [{ host, port: 21, implicitTls: false }],
  });
  return text.split("\n").filter((line) => line.startsWith("Plain FTP"));
}
