/** Options of TLS that are given as `undefined` are those that are not given: seen by a client. */
import assert from "node:assert/strict";
import { test } from "node:test";
import tls from "node:tls";
import type { TlsOptions } from "../../dist/index.js";
import { only, VERSIONS } from "../threats/kit-data-tls.js";
import { TlsClient } from "../threats/kit-tls.js";
import { besiege, CONTENT, withClient } from "../threats/kit-tls-server.js";

const STRONG = "ECDHE-ECDSA-AES256-GCM-SHA384";
const QUICK = "ECDHE-ECDSA-AES128-GCM-SHA256";
const DAY_AS_HINT = Buffer.from("a9050203015180", "hex");

/** Every option that is not for a certificate. */
const NOTHING: TlsOptions = {
  allowClear: undefined,
  handshakeTimeout: undefined,
  rejectUnauthorized: undefined,
  require: undefined,
  requestCert: undefined,
  requireSessionReuse: undefined,
  sni: undefined,
};

/** Those of Node, as somebody without exact types writes them. */
const NODES_NOTHING = Object.fromEntries(
  ["ca", "ciphers", "crl", "dhparam", "ecdhCurve", "honorCipherOrder", "maxVersion", "minVersion", "passphrase"]
    .concat("pfx", "secureOptions", "sessionTimeout", "sigalgs")
    .map((name) => [name, undefined]),
);

test("the order of ciphers is the server's, unless it says that it is not", async () => {
  for (const [given, chosen] of [
    [{}, STRONG],
    [{ honorCipherOrder: undefined }, STRONG],
    [{ honorCipherOrder: false }, QUICK],
  ] as const) {
    const options = { ...given, ciphers: `${STRONG}:${QUICK}`, maxVersion: "TLSv1.2" } as Partial<TlsOptions>;
    await besiege(options, {}, async ({ port }) => {
      const client = TlsClient.explicit(port, { ...only("TLSv1.2"), ciphers: `${QUICK}:${STRONG}` });
      await withClient(client, async ({ secured }) => assert.equal(secured?.getCipher().name, chosen));
    });
  }
});

for (const version of VERSIONS)
  test(`${version}: a session can be gone on with for a day, unless sessionTimeout says otherwise`, async () => {
    for (const [given, isDay] of [
      [{}, true],
      [{ sessionTimeout: undefined }, true],
      [{ sessionTimeout: 300 }, false],
    ] as const)
      await besiege(given, {}, async ({ port }) => {
        await withClient(TlsClient.explicit(port, only(version)), async (client) => {
          await client.expect("NOOP", 200);
          const session = client.secured?.getSession();
          assert(session);
          assert.equal(session.includes(DAY_AS_HINT), isDay);
        });
      });
  });

test("TLS 1.1 is not spoken, whatever Node's own default is, unless minVersion says so", async () => {
  const { DEFAULT_MIN_VERSION } = tls;
  tls.DEFAULT_MIN_VERSION = "TLSv1.1";
  const ciphers = "DEFAULT@SECLEVEL=0";
  try {
    for (const [given, spoken] of [
      [{}, false],
      [{ minVersion: undefined }, false],
      [{ minVersion: "TLSv1.1" }, true],
    ] as const)
      await besiege({ ...given, ciphers }, {}, async ({ port }) => {
        const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers, rejectUnauthorized: false } as const;
        await withClient(TlsClient.greeted(port), async (client) => {
          client.raw.once("end", () => client.raw.end());
          await client.expect("AUTH TLS", 234);
          assert.equal((await client.tryToProtect(old)) === undefined, spoken);
        });
      });
  } finally {
    tls.DEFAULT_MIN_VERSION = DEFAULT_MIN_VERSION;
  }
});

test("every option as undefined: as if there were none of them", () =>
  besiege({ ...NODES_NOTHING, ...NOTHING }, {}, async ({ port }) => {
    await withClient(TlsClient.greeted(port), async (client) => {
      await client.expect("USER test", 530);
      await client.expect("AUTH TLS", 234);
      await client.protect();
      await client.login();
      for (const [line, code] of [
        ["CCC", 534],
        ["REIN", 502],
        ["LIST", 521],
        ["PBSZ 0", 200],
        ["PROT C", 534],
        ["PROT P", 200],
      ] as const)
        await client.expect(line, code);
      assert.equal((await client.download("RETR f")).toString(), CONTENT);
      assert.equal(client.secured?.getProtocol(), "TLSv1.3");
    });
  }));
