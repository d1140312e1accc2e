/** Several at once on one store. Part of the contract. */
import assert from "node:assert/strict";
import { bytesOf } from "../../kit/temporary.js";
import { at, begin, bytes, names, put, text } from "../store.js";
import type { Check } from "./check.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the tests of this part. */
export function concurrency(check: Check): void {
  check("of eight who make the same name exactly one succeeds", async (store) => {
    const race = Array.from({ length: 8 }, (_, index) =>
      begin(store, "/one", String(index).repeat(1000), { mode: "exclusive" }).then((handle) => handle.commit()),
    );
    const results = await Promise.allSettled(race);
    const won = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
    assert.equal(won.length, 1);
    for (const result of race) await result.catch((error: NodeJS.ErrnoException) => assert.equal(error.code, "EEXIST"));
    assert.equal(await text(store, "/one"), String(won[0]).repeat(1000));
    assert.deepEqual(await names(store), ["one"]);
  });

  check("of eight who move to the same name exactly one succeeds", async (store) => {
    for (let index = 0; index < 8; index++) await put(store, `/${index}`, String(index));
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => store.rename(at(`/${index}`), at("/one"))),
    );
    const won = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
    assert.equal(won.length, 1);
    assert.equal(await text(store, "/one"), String(won[0]));
    assert.equal((await names(store)).length, 8);
  });

  check("S12.13 of two uploads to one name the later commit wins whole", async (store) => {
    const [first, second] = await Promise.all([begin(store, "/a", "1".repeat(9000)), begin(store, "/a", "2222")]);
    await Promise.all([first.write([Buffer.from("1")]), second.write([Buffer.from("2")])]);
    await second.commit();
    assert.equal(await text(store, "/a"), "22222");
    await first.commit();
    assert.equal(await text(store, "/a"), "1".repeat(9001));
    assert.deepEqual(await names(store), ["a"]);
  });

  check("S12.14 a reader keeps its version while the file is replaced and removed", async (store) => {
    const old = bytesOf(MEBIBYTE);
    await put(store, "/a", old);
    await using handle = await store.openRead(at("/a"));
    const chunks: Uint8Array[] = [];
    for await (const chunk of handle.body) {
      chunks.push(chunk);
      if (chunks.length === 1) await put(store, "/a", "new");
      if (chunks.length === 2) await store.remove(at("/a"));
    }
    assert.ok(Buffer.concat(chunks).equals(old));
  });

  check("a reader of a file that grows gets what was there when it began", async (store) => {
    const old = bytesOf(MEBIBYTE);
    await put(store, "/a", old);
    await using handle = await store.openRead(at("/a"));
    await put(store, "/a", "more", { mode: "append" });
    const chunks: Uint8Array[] = [];
    for await (const chunk of handle.body) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(old));
    assert.equal(handle.info.size, old.length);
  });

  check("what a reader does to its bytes does not change the file", async (store) => {
    await put(store, "/a", "content");
    await using handle = await store.openRead(at("/a"));
    for await (const chunk of handle.body) chunk.fill(0);
    assert.equal(await text(store, "/a"), "content");
  });

  check("twenty uploads at once", async (store) => {
    const contents = Array.from({ length: 20 }, (_, index) => bytesOf(300_000 + index, index + 1));
    await Promise.all(contents.map((content, index) => put(store, `/${index}`, content)));
    for (const [index, content] of contents.entries()) assert.ok((await bytes(store, `/${index}`)).equals(content));
  });
}
