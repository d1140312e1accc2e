/** Other certificates while the server runs: for those who come from now on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { issue, type Pair, testCertificates } from "../kit/certificates.js";
import { put } from "../kit/store.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { TlsClient } from "./kit-data-tls-client.js";
import { scene } from "./kit-data-tls-scene.js";

const subject = (client: TlsClient): string | undefined => client.tls?.getPeerX509Certificate()?.subject;

async function freshPair(): Promise<Pair> {
  const { ca } = await testCertificates();
  return issue({ name: "fresh", hosts: ["localhost"] }, ca);
}

/** The certificate of a data connection with a handshake of its own. */
async function subjectOfData(client: TlsClient): Promise<string | undefined> {
  const line = await client.data("LIST", { session: undefined });
  const shown = line.tls.getPeerX509Certificate()?.subject;
  await line.collect();
  await client.expectReply(226);
  return shown;
}

for (const version of VERSIONS) {
  const client = only(version);

  test(`S7.2 ${version}: setTls: new clients get the new certificate, a session keeps the old one for its data`, () =>
    scene({ client }, async ({ own, enter, server, fileSystem }) => {
      await put(fileSystem, "/file", "content");
      const running = await own.data("RETR file");
      server.setTls(await freshPair());
      assert.equal((await running.collect()).toString(), "content");
      await own.expectReply(226);
      assert.equal(subject(own), "CN=localhost");
      assert.equal(await subjectOfData(own), "CN=localhost");
      const line = await own.data("LIST");
      assert.equal(line.tls.isSessionReused(), true);
      await line.collect();
      await own.expectReply(226);
      const other = await enter();
      assert.equal(subject(other), "CN=fresh");
      assert.equal(await subjectOfData(other), "CN=fresh");
    }));

  test(`S7.2 ${version}: setTls: a session with requireSessionReuse keeps that too, and a new one does not get it`, () =>
    scene({ client, tls: { requireSessionReuse: true } }, async ({ own, enter, server }) => {
      server.setTls(await freshPair());
      own.line(await own.open("LIST"), { session: undefined });
      await own.expectReply(522);
      await own.download("LIST");
      const other = await enter();
      await other.download("LIST", { session: undefined });
    }));

  test(`S7.2 ${version}: setTls: the sessions of the old certificate are not gone on with under the new one`, () =>
    scene({ client }, async ({ own, server, port }) => {
      const { session } = own;
      server.setTls(await freshPair());
      await using other = await TlsClient.connect(port);
      await other.secure({ ...client, session });
      assert.equal(other.tls?.isSessionReused(), false);
      assert.equal(subject(other), "CN=fresh");
    }));

  test(`S7.2 ${version}: setTls: a client that was connected in clear gets the new certificate at AUTH`, () =>
    scene({ client }, async ({ server, port }) => {
      await using early = await TlsClient.connect(port);
      server.setTls(await freshPair());
      await early.secure(client);
      assert.equal(subject(early), "CN=fresh");
    }));

  test(`S7.2 ${version}: setTls: what cannot be used is refused and changes nothing`, () =>
    scene({ client }, async ({ own, enter, server }) => {
      const pair = await freshPair();
      const { ca, server: old } = await testCertificates();
      for (const wrong of [
        {},
        { cert: pair.cert },
        { key: pair.key },
        { cert: pair.cert, key: old.key },
        { cert: "no certificate", key: pair.key },
        { cert: pair.cert, key: "no key" },
        { ...pair, ciphers: "NO-SUCH-CIPHER" },
        { ...pair, require: "some" },
        { ...pair, handshakeTimeout: -1 },
        { ...pair, cret: ca.cert },
        undefined,
      ])
        assert.throws(() => server.setTls(wrong as never), /tls/);
      assert.equal(subject(await enter()), "CN=localhost");
      assert.equal(await subjectOfData(own), "CN=localhost");
    }));
}
