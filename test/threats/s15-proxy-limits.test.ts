/** S15.4: limits and bans behind a proxy are those of the client that the header tells of, never those of the proxy. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { until } from "../kit/temporary.js";
import { ENDS, type Proxied, proxied, VERSIONS } from "./kit-proxied.js";

const BERT = { host: "127.0.0.78", port: 40_001 } as const;

for (const [version, header] of VERSIONS) {
  const anna = header(ENDS);
  const bert = header({ ...ENDS, source: BERT });
  /** The same client from another port of his. */
  const again = (port: number): Buffer => header({ ...ENDS, source: { ...ENDS.source, port } });

  /** Comes through the proxy and is told to go. */
  async function turnedAway(scene: Proxied, first: Uint8Array): Promise<void> {
    const client = await scene.open(first);
    await client.expectReply(421);
    await client.expectClosed();
  }

  /** A wrong password. */
  async function fail(client: ScriptedClient, code: number): Promise<void> {
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", code);
  }

  describe(`S15.4 ${version}: all clients come through one proxy`, () => {
    test(`S15.4 ${version}: limits.address counts each of them by itself`, () =>
      proxied(
        async (scene) => {
          const first = await scene.through(anna);
          await first.login();
          await turnedAway(scene, again(40_002));
          const other = await scene.through(bert);
          await other.login();
          await first.expect("QUIT", 221);
          await until(() => scene.server.sessions.length === 1);
          await (await scene.through(again(40_003))).login();
        },
        { limits: { address: { sessions: 1 } } },
      ));

    test(`S15.4 ${version}: so does limits.address.pending`, () =>
      proxied(
        async (scene) => {
          for (const port of [1001, 1002]) await scene.through(again(port));
          await turnedAway(scene, again(1003));
          await (await scene.through(bert)).login();
        },
        { limits: { address: { pending: 2 } } },
      ));

    test(`S15.4 ${version}: a ban hits who has guessed, and neither the proxy nor who else comes through it`, () =>
      proxied(
        async (scene) => {
          const guest = await scene.through(bert);
          const guesser = await scene.through(anna);
          await fail(guesser, 530);
          await fail(guesser, 421);
          await guesser.expectClosed();
          await turnedAway(scene, again(40_004));
          await guest.login();
          await (await scene.through(header({ ...ENDS, source: { host: "127.0.0.79", port: 5 } }))).login();
          assert.deepEqual(
            scene.refused.map(({ remoteAddress }) => remoteAddress),
            [ENDS.source.host],
          );
        },
        { bans: { after: 2, duration: 60_000 } },
      ));
  });
}
