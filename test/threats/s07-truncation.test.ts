/** Half a file that passes for a whole one: an end of file counts only where the client has signed it (RFC 8446 §6.1). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { content, exists, names, put } from "../kit/store.js";
import { bytesOf, linesOf, until } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { SIGNED, UNSIGNED } from "./kit-data-tls-endings.js";
import { scene } from "./kit-data-tls-scene.js";

const SIZES = [0, 1, 16_384, 3 * 2 ** 20] as const;
const HUGE = 30 * 2 ** 20;

for (const version of VERSIONS) {
  const client = only(version);

  describe(`S7.1 ${version}: what is signed is whole`, () => {
    for (const { name, end } of SIGNED)
      test(`S7.1 ${version}: ${name}: 226 and every byte`, () =>
        scene({ client }, async ({ own, fileSystem, server }) => {
          for (const size of SIZES) {
            const bytes = bytesOf(size);
            await put(fileSystem, "/old", "old");
            const line = await own.data("STOR old");
            await line.send(bytes);
            // A reset takes back what is still on its way.
            await until(() => server.sessions[0]?.transfer?.bytes === size);
            await end(line);
            await own.expectReply(226);
            assert((await content(fileSystem, "/old")).equals(bytes), `${size} bytes`);
          }
          await own.assertQuiet();
        }));

    test(`S7.1 ${version}: 30 MB, whole`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        const bytes = bytesOf(HUGE);
        assert.equal((await own.upload("STOR huge", bytes)).code, 226);
        assert((await content(fileSystem, "/huge")).equals(bytes));
      }));

    test(`S7.1 ${version}: close_notify and only later FIN: 226 does not wait for it`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        const line = await own.data("STOR file");
        await line.send("all");
        await line.closeNotify();
        await own.expectReply(226);
        line.fin();
        await own.assertQuiet();
        assert.equal((await content(fileSystem, "/file")).toString(), "all");
      }));

    test(`S7.1 ${version}: what comes behind close_notify is no part of the file`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        const line = await own.data("STOR file");
        await line.send("all");
        const last = await line.recordsOf(() => line.closeNotify());
        await line.forge(Buffer.concat([last, Buffer.from("and more, in clear")]));
        line.fin();
        await own.expectReply(226);
        assert.equal((await content(fileSystem, "/file")).toString(), "all");
      }));
  });

  describe(`S7.1 ${version}: what is not signed is nothing`, () => {
    for (const { name, end } of UNSIGNED)
      test(`S7.1 ${version}: ${name}: 426, nothing new, and the old file`, () =>
        scene({ client }, async ({ own, fileSystem }) => {
          await put(fileSystem, "/old", "old");
          for (const size of SIZES)
            for (const command of ["STOR new", "STOR old", "APPE old", "APPE new", "STOU"]) {
              const line = await own.data(command);
              await line.send(bytesOf(Math.floor(size / 2)));
              await end(line);
              await own.expectReply(426);
              assert.deepEqual(await names(fileSystem), ["old"], `${command}, half of ${size} bytes`);
              assert.equal((await content(fileSystem, "/old")).toString(), "old");
            }
          await own.assertQuiet();
        }));

    test(`S7.1 ${version}: half of 30 MB`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        for (const end of ["fin", "rst"] as const) {
          const line = await own.data("STOR huge");
          await line.send(bytesOf(HUGE / 2));
          line[end]();
          await own.expectReply(426);
          assert.equal(await exists(fileSystem, "/huge"), false);
        }
      }));
  });

  describe(`S7.1 ${version}: appending, kept parts, lines of text`, () => {
    test(`S7.1 ${version}: APPE adds what is signed`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        await put(fileSystem, "/file", "old ");
        assert.equal((await own.upload("APPE file", "and new")).code, 226);
        assert.equal((await content(fileSystem, "/file")).toString(), "old and new");
      }));

    for (const { name, end } of UNSIGNED)
      test(`S7.1 ${version}: ${name}, with partialUploads "keep": 426, and no byte that was not sent`, () =>
        scene({ client, server: { partialUploads: "keep" } }, async ({ own, fileSystem }) => {
          for (const size of [0, 1, 16_384, 3 * 2 ** 20]) {
            const bytes = bytesOf(size);
            const file = `${size}`;
            const line = await own.data(`STOR ${file}`);
            await line.send(bytes);
            await end(line);
            await own.expectReply(426);
            const kept = (await exists(fileSystem, `/${file}`))
              ? await content(fileSystem, `/${file}`)
              : Buffer.alloc(0);
            assert(kept.equals(bytes.subarray(0, kept.length)), `${kept.length} of ${size} bytes`);
            if (!/RST/.test(name)) assert.equal(kept.length, size);
          }
          await own.assertQuiet();
        }));

    test(`S7.1 ${version}: what was kept can be completed by REST and by APPE`, () =>
      scene({ client, server: { partialUploads: "keep" } }, async ({ own, fileSystem }) => {
        const bytes = bytesOf(200_000);
        for (const [file, begin] of [
          ["a", async () => void (await own.expect("REST 150000", 350))],
          ["b", async () => undefined],
        ] as const) {
          const line = await own.data(`STOR ${file}`);
          await line.send(bytes.subarray(0, 150_000));
          line.fin();
          await own.expectReply(426);
          await begin();
          const command = file === "a" ? "STOR a" : "APPE b";
          assert.equal((await own.upload(command, bytes.subarray(150_000))).code, 226);
          assert((await content(fileSystem, `/${file}`)).equals(bytes));
        }
      }));

    test(`S7.1 ${version}: TYPE A: signed 226, else 426 and nothing`, () =>
      scene({ client }, async ({ own, fileSystem }) => {
        await own.expect("TYPE A", 200);
        const text = linesOf(100_000).toString();
        assert.equal((await own.upload("STOR text", text.replaceAll("\n", "\r\n"))).code, 226);
        assert.equal((await content(fileSystem, "/text")).toString(), text);
        for (const { name, end } of UNSIGNED)
          for (const sent of ["half a line\r", "a line\r\n", text.replaceAll("\n", "\r\n").slice(0, 50_000)]) {
            const line = await own.data("STOR text");
            await line.send(sent);
            await end(line);
            await own.expectReply(426);
            assert.equal((await content(fileSystem, "/text")).toString(), text, name);
          }
      }));
  });
}
