/** The data connection shows the certificate of the control connection, or it is somebody else's (RFC 4217 §10.2, §15.1). */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { authority, issue, type Pair, testCertificates } from "../kit/certificates.js";
import { names } from "../kit/store.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { type Scene, scene } from "./kit-data-tls-scene.js";

let certificates: Readonly<Record<"mine" | "other" | "again" | "unknown", Pair>>;
let ca: string;

before(async () => {
  const made = await testCertificates();
  const elsewhere = await authority("somebody else");
  ca = made.ca.cert;
  certificates = {
    mine: await issue({ name: "me" }, made.ca),
    other: await issue({ name: "other" }, made.ca),
    // The same name, another key.
    again: await issue({ name: "me" }, made.ca),
    unknown: await issue({ name: "me" }, elsewhere),
  };
});

/** A full handshake of the data connection, without a session to go on with. */
const anew = (pair?: Pair): ConnectionOptions => ({ session: undefined, cert: pair?.cert, key: pair?.key });

/** Asserts that the server takes nothing and gives nothing over such a data connection. */
async function assertRefused({ own, fileSystem }: Scene, options: ConnectionOptions): Promise<void> {
  const stored = await names(fileSystem);
  for (const command of ["STOR new", "LIST"]) {
    const line = own.line(await own.open(command), options);
    line.tls.write("bytes of somebody");
    await own.expectReply(522);
    assert.equal((await line.collect()).length, 0);
  }
  assert.deepEqual(await names(fileSystem), stored);
}

for (const version of VERSIONS)
  for (const rejectUnauthorized of [true, false]) {
    const required = rejectUnauthorized ? "required" : "requested";
    const tls = () => ({ ca, requestCert: true, rejectUnauthorized });

    describe(`S7.7 ${version}, certificates ${required}`, () => {
      const mine = (work: (scene: Scene) => Promise<void>) =>
        scene({ client: { ...only(version), ...certificates.mine }, tls: tls() }, work);

      test("S7.7 none on the data connection: 522", () => mine((made) => assertRefused(made, anew())));
      test("S7.7 another one, as good as the first: 522", () =>
        mine((made) => assertRefused(made, anew(certificates.other))));
      test("S7.7 another one of the same name: 522", () =>
        mine((made) => assertRefused(made, anew(certificates.again))));
      test("S7.7 one that nobody vouches for: 522", () =>
        mine((made) => assertRefused(made, anew(certificates.unknown))));

      test("S7.7 the same one: served, and after refusals too", () =>
        mine(async (made) => {
          await assertRefused(made, anew(certificates.other));
          assert.equal((await made.own.upload("STOR new", "bytes", anew(certificates.mine))).code, 226);
          assert.equal((await made.own.download("RETR new", anew(certificates.mine))).toString(), "bytes");
        }));

      test("S7.7 a session that is gone on with carries the certificate, verified", () =>
        mine(async ({ own, server }) => {
          const channels: unknown[] = [];
          server.on("dataChannel", ({ channel: { secure } }) =>
            channels.push([secure?.resumed, secure?.authorized, secure?.certificate?.subject]),
          );
          await own.upload("STOR new", "bytes", { cert: undefined, key: undefined });
          await own.download("RETR new", { cert: undefined, key: undefined });
          await own.download("RETR new", anew(certificates.mine));
          assert.deepEqual(channels, [
            [true, true, "CN=me"],
            [true, true, "CN=me"],
            [false, true, "CN=me"],
          ]);
        }));

      test("S7.7 the session of another client stands for no certificate: 522", () =>
        mine(async (made) => {
          const other = await made.enter({ ...only(version), ...certificates.other });
          await assertRefused(made, { ...anew(), session: other.session });
          await assertRefused({ ...made, own: other }, { ...anew(), session: made.own.session });
          assert.equal((await made.own.upload("STOR new", "bytes")).code, 226);
        }));
    });
  }

for (const version of VERSIONS) {
  test(`S7.7 ${version}: a certificate that nobody vouches for binds too, where it is let pass`, () =>
    scene(
      {
        client: { ...only(version), ...certificates.unknown },
        tls: { ca, requestCert: true, rejectUnauthorized: false },
      },
      async (made) => {
        assert.equal(made.server.sessions[0]?.secure?.authorized, false);
        assert.equal(made.server.sessions[0]?.secure?.certificate?.subject, "CN=me");
        for (const options of [anew(), anew(certificates.mine)]) await assertRefused(made, options);
        assert.equal((await made.own.upload("STOR new", "bytes", anew(certificates.unknown))).code, 226);
        assert.equal((await made.own.upload("STOR new", "bytes")).code, 226);
      },
    ));

  test(`S7.7 ${version}: a control connection without a certificate has none to compare; unverified is not verified`, () =>
    scene(
      { client: only(version), tls: { ca, requestCert: true, rejectUnauthorized: false } },
      async ({ own, server }) => {
        const authorized: unknown[] = [];
        server.on("dataChannel", ({ channel: { secure } }) => authorized.push(secure?.authorized));
        assert.equal(server.sessions[0]?.secure?.authorized, false);
        for (const pair of [undefined, certificates.unknown, certificates.mine])
          assert.equal((await own.upload("STOR new", "bytes", anew(pair))).code, 226);
        assert.equal((await own.upload("STOR new", "bytes")).code, 226);
        assert.deepEqual(authorized, [false, false, true, false]);
      },
    ));

  test(`S7.7 ${version}: nobody is asked, nobody is compared`, () =>
    scene({ client: { ...only(version), ...certificates.mine } }, async ({ own, server }) => {
      assert.equal(server.sessions[0]?.secure?.certificate, undefined);
      assert.equal((await own.upload("STOR new", "bytes", anew())).code, 226);
    }));
}
