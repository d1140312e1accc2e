/** The end of an upload comes while nobody reads, because the store is at work: it counts as it came. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Gate } from "../kit/gate.js";
import { content, names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";
import { only, type SecureLine, VERSIONS } from "./kit-data-tls.js";
import { SIGNED, UNSIGNED } from "./kit-data-tls-endings.js";
import { type Scene, scene } from "./kit-data-tls-scene.js";

/** More than the server takes while the store is at work, and less than the network holds besides. */
const SIZES = [1, 16_384, 2_000_000] as const;
/** More than both. */
const HUGE = 30 * 2 ** 20;

/** A store whose first write waits for the gate. */
function slowStore(gate: Gate): WatchedStore {
  return new WatchedStore({
    before: ({ moment, index, path }) =>
      moment === "write" && index === 0 && path !== "/old" ? gate.pass() : undefined,
  });
}

interface Slow extends Scene {
  readonly gate: Gate;
  /** A data connection that the store is slow with, and `bytes` on their way. */
  begin(bytes: Uint8Array): Promise<SecureLine>;
}

function slow(client: Parameters<typeof scene>[0]["client"], work: (slow: Slow) => Promise<void>): Promise<void> {
  const gate = new Gate();
  const fileSystem = slowStore(gate);
  return scene({ client: client ?? {}, fileSystem }, async (made) => {
    await put(fileSystem, "/old", "old");
    const begin = async (bytes: Uint8Array) => {
      const line = await made.own.data("STOR new");
      await line.send(bytes);
      await gate.reached;
      return line;
    };
    await work({ ...made, gate, begin });
    assert.equal(fileSystem.open, 0);
  });
}

for (const version of VERSIONS) {
  describe(`S7.1 ${version}: the store is slow`, () => {
    for (const { name, end } of SIGNED)
      for (const size of SIZES)
        test(`S7.1 ${version}: ${name}, ${size} bytes: 226 only with every byte`, () =>
          slow(only(version), async ({ own, fileSystem, gate, begin }) => {
            const bytes = bytesOf(size);
            const line = await begin(bytes);
            await end(line);
            gate.open();
            const { code } = await own.expectReply(226, 426);
            // A reset drops what has not arrived.
            if (!/RST/.test(name) || size < 100_000) assert.equal(code, 226);
            assert.deepEqual(await names(fileSystem), code === 226 ? ["new", "old"] : ["old"]);
            if (code === 226) assert((await content(fileSystem, "/new")).equals(bytes));
          }));

    for (const { name, end } of UNSIGNED)
      for (const size of SIZES)
        test(`S7.1 ${version}: ${name}, ${size} bytes: 426 and nothing`, () =>
          slow(only(version), async ({ own, fileSystem, gate, begin }) => {
            const line = await begin(bytesOf(size));
            await end(line);
            gate.open();
            await own.expectReply(426);
            assert.deepEqual(await names(fileSystem), ["old"]);
          }));

    for (const signed of [true, false])
      test(`S7.1 ${version}: 30 MB, ${signed ? "signed: whole" : "not signed: nothing"}`, () =>
        slow(only(version), async ({ own, server, fileSystem, gate }) => {
          const bytes = bytesOf(HUGE);
          const line = await own.data("STOR new");
          const sent = line.send(bytes);
          await until(() => (server.sessions[0]?.transfer?.bytes ?? 0) > 2 ** 20);
          gate.open();
          await sent;
          if (signed) await line.closeNotify();
          line.fin();
          await own.expectReply(signed ? 226 : 426);
          assert.deepEqual(await names(fileSystem), signed ? ["new", "old"] : ["old"]);
          if (signed) assert((await content(fileSystem, "/new")).equals(bytes));
        }));

    test(`S7.1 ${version}: the client leaves without a look at what the server has sent it`, () =>
      slow(only(version), async ({ own, fileSystem, gate, begin }) => {
        const line = await begin(bytesOf(10_000));
        // Closed with bytes unread, the client's system sends RST behind the data.
        line.raw.pause();
        await line.closeNotify();
        line.raw.destroy();
        gate.open();
        await own.expectReply(226);
        assert.equal((await content(fileSystem, "/new")).length, 10_000);
      }));
  });
}
