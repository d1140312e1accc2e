/** Who connects to the data port must be who holds the control connection: only he can go on with its TLS session. */
import assert from "node:assert/strict";
import { constants } from "node:crypto";
import { describe, test } from "node:test";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import { issue, testCertificates } from "../kit/certificates.js";
import { exists, names, put } from "../kit/store.js";
import { only, type SecureLine, VERSIONS } from "./kit-data-tls.js";
import type { TlsClient } from "./kit-data-tls-client.js";
import { type Scene, type SceneOptions, scene } from "./kit-data-tls-scene.js";

const SECRET = "for your eyes only\n";

/** How clients remember a session. */
const CLIENTS: readonly (readonly [name: string, options: ConnectionOptions])[] = [
  ...VERSIONS.map((version) => [version, only(version)] as const),
  ["TLSv1.2 by identifier", { ...only("TLSv1.2"), secureOptions: constants.SSL_OP_NO_TICKET }],
];

/** Both directions, and whether the bytes go one way or the other: a thief would have either. */
const COMMANDS = ["RETR secret", "LIST", "STOR new", "APPE secret"] as const;

function strict(
  client: ConnectionOptions,
  work: (scene: Scene) => Promise<void>,
  more: SceneOptions = {},
): Promise<void> {
  const tls = { requireSessionReuse: true, ...more.tls };
  return scene({ ...more, client, tls }, async (made) => {
    await put(made.fileSystem, "/secret", SECRET);
    await work(made);
  });
}

/** A thief on the data connection of somebody else: 522, and he has got nothing. @returns what he was given to go on with */
async function assertRefused(victim: TlsClient, command: string, options: ConnectionOptions): Promise<Buffer[]> {
  const line = victim.line(await victim.open(command), { session: undefined, ...options });
  const loot = sessionsOf(line);
  line.tls.write("bytes of the thief");
  await victim.expectReply(522);
  await line.collect();
  assert.equal(line.received.length, 0, "a byte of data");
  return loot;
}

/** Every session that a client of Node can get hold of. */
function sessionsOf({ tls, sessions }: SecureLine): Buffer[] {
  const look = (): void => {
    const session = tls.getSession();
    if (session !== undefined) sessions.push(session);
  };
  tls.on("secureConnect", look).on("session", look).on("keylog", look).on("end", look);
  return sessions;
}

for (const [name, client] of CLIENTS) {
  describe(`S7.2 ${name}`, () => {
    test(`S7.2 ${name}: a new session is refused with 522 and without a byte; the client goes on`, () =>
      strict(client, async ({ own, fileSystem }) => {
        for (const command of COMMANDS) {
          await assertRefused(own, command, {});
          assert.deepEqual(await names(fileSystem), ["secret"]);
          assert.equal((await own.download("RETR secret")).toString(), SECRET);
        }
      }));

    test(`S7.2 ${name}: the session of this control connection, as often as it is wanted`, () =>
      strict(client, async ({ own, fileSystem }) => {
        for (let round = 0; round < 5; round++) {
          const line = await own.data("RETR secret");
          assert.equal(line.tls.isSessionReused(), true);
          assert.equal((await line.collect()).toString(), SECRET);
          await own.expectReply(226);
          assert.equal((await own.upload("STOR new", "new")).code, 226);
        }
        assert(await exists(fileSystem, "/new"));
      }));

    test(`S7.2 ${name}: what a data connection brought is good for the next one`, () =>
      strict(client, async ({ own }) => {
        for (let round = 0; round < 5; round++) {
          const line = await own.data("RETR secret");
          const session = line.tls.getSession();
          assert.equal((await line.collect()).toString(), SECRET);
          await own.expectReply(226);
          own.session = line.sessions.at(-1) ?? session;
        }
      }));

    test(`S7.2 ${name}: the session of another control connection of the same user is refused`, () =>
      strict(client, async ({ own, enter }) => {
        const other = await enter();
        for (const command of COMMANDS) {
          await assertRefused(own, command, { session: other.session });
          await assertRefused(other, command, { session: own.session });
        }
        assert.equal((await own.download("RETR secret")).toString(), SECRET);
        assert.equal((await other.download("RETR secret")).toString(), SECRET);
      }));

    test(`S7.2 ${name}: and what its data connections brought`, () =>
      strict(client, async ({ own, enter }) => {
        const other = await enter();
        const line = await other.data("RETR secret");
        const session = line.tls.getSession();
        await line.collect();
        await other.expectReply(226);
        for (const stolen of [session, ...line.sessions]) await assertRefused(own, "RETR secret", { session: stolen });
      }));

    test(`S7.2 ${name}: what a thief is handed at the first try is worth nothing at the second`, () =>
      strict(client, async ({ own }) => {
        for (const first of COMMANDS)
          for (const second of COMMANDS) {
            const loot = await assertRefused(own, first, {});
            const more: Buffer[] = [];
            for (const session of loot) more.push(...(await assertRefused(own, second, { session })));
            if (more.length > 0) await assertRefused(own, first, { session: more.at(-1) });
          }
        assert.equal((await own.download("RETR secret")).toString(), SECRET);
      }));

    test(`S7.2 ${name}: also before the client's own first data connection, and where the thief leaves in between`, () =>
      strict(client, async ({ own }) => {
        const line = own.line(await own.open("RETR secret"), { session: undefined });
        const loot = sessionsOf(line);
        line.tls.once("secureConnect", () => line.fin());
        await own.expectReply(522);
        for (const session of loot) await assertRefused(own, "RETR secret", { session });
        assert.equal((await own.download("RETR secret")).toString(), SECRET);
      }));

    test(`S7.2 ${name}: a thief among the clients cannot prepare a session for others`, () =>
      strict(client, async ({ own, enter }) => {
        const thief = await enter();
        const loot = await assertRefused(thief, "LIST", {});
        for (const session of [...loot, thief.session]) await assertRefused(own, "RETR secret", { session });
      }));
  });

  test(`S7.2 ${name}: a host of its own (SNI) and client certificates change nothing of it`, async () => {
    const { ca, server } = await testCertificates();
    const named = await issue({ name: "a.test", hosts: ["a.test"] }, ca);
    const context = createSecureContext({ ...named, ca: ca.cert });
    const certificate = await issue({ name: "me" }, ca);
    const tls = { ...server, ca: ca.cert, requestCert: true, sni: () => context };
    await strict(
      { ...client, ...certificate, servername: "a.test" },
      async ({ own, server: { sessions } }) => {
        assert.equal(own.tls?.getPeerCertificate().subject.CN, "a.test");
        assert.equal(sessions[0]?.secure?.authorized, true);
        await assertRefused(own, "RETR secret", {});
        assert.equal((await own.download("RETR secret")).toString(), SECRET);
        assert.equal((await own.upload("STOR new", "new")).code, 226);
      },
      { tls },
    );
  });

  test(`S7.2 ${name}: where it is not required, whoever can goes on, and whoever cannot is served too`, () =>
    scene({ client }, async ({ own, fileSystem, enter }) => {
      await put(fileSystem, "/secret", SECRET);
      const other = await enter();
      for (const [session, reused] of [
        [own.session, true],
        [undefined, false],
        [other.session, false],
        [own.session, true],
      ] as const) {
        const line = await own.data("RETR secret", { session });
        assert.equal(line.tls.isSessionReused(), reused);
        assert.equal((await line.collect()).toString(), SECRET);
        await own.expectReply(226);
      }
    }));

  test(`S7.2 ${name}: a client that goes on with its session is not led to the data connection of somebody else`, () =>
    scene({ client }, async ({ own, enter }) => {
      const thief = await enter();
      // Somebody on the way sends the victim to the thief's port; only a client that insists on its session can see it.
      const line = thief.line(await thief.open("STOR loot"), { session: own.session });
      await line.shake();
      assert.equal(line.tls.isSessionReused(), false);
      line.tls.end();
      await line.collect();
      await thief.expectReply(226);
    }));
}
