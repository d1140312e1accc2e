/** What ends because nobody waits any more. Part of the contract. */
import assert from "node:assert/strict";
import { bytesOf } from "../../kit/temporary.js";
import { at, names, put, text } from "../store.js";
import type { Check } from "./check.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the tests of this part. */
export function signals(check: Check): void {
  check("an operation whose signal has fired rejects with its reason and does nothing", async (store) => {
    await put(store, "/present", "x");
    const reason = new Error("nobody waits");
    const signal = AbortSignal.abort(reason);
    const collect = async () => {
      for await (const entry of store.list(at("/"), { signal })) assert.fail(entry.name);
    };
    const operations = [
      store.stat(at("/present"), { signal }),
      collect(),
      store.openRead(at("/present"), { signal }),
      store.openWrite(at("/new"), { mode: "replace", signal }),
      store.remove(at("/present"), { signal }),
      store.makeDirectory(at("/d"), { signal }),
      store.removeDirectory(at("/d"), { signal }),
      store.rename(at("/present"), at("/new"), { signal }),
      store.setTimes(at("/present"), { modified: new Date(0) }, { signal }),
      store.setMode(at("/present"), 0o600, { signal }),
    ];
    for (const result of await Promise.allSettled(operations))
      assert.equal(result.status === "rejected" && result.reason, reason);
    assert.deepEqual(await names(store), ["present"]);
    assert.notEqual((await store.stat(at("/present"))).modified?.getTime(), 0);
  });

  check("a signal ends a download midway", async (store) => {
    await put(store, "/big", bytesOf(MEBIBYTE));
    const controller = new AbortController();
    const reason = new Error("ABOR");
    await using handle = await store.openRead(at("/big"), { signal: controller.signal });
    let pieces = 0;
    const read = async () => {
      for await (const chunk of handle.body) {
        pieces += chunk.length > 0 ? 1 : 0;
        controller.abort(reason);
      }
    };
    await assert.rejects(read(), reason);
    assert.equal(pieces, 1);
  });

  check("a signal ends a listing midway", async (store) => {
    for (let index = 0; index < 500; index++) await store.makeDirectory(at(`/${index}`));
    const controller = new AbortController();
    const reason = new Error("ABOR");
    let seen = 0;
    const read = async () => {
      for await (const entry of store.list(at("/"), { signal: controller.signal })) {
        seen += entry.name.length > 0 ? 1 : 0;
        controller.abort(reason);
      }
    };
    await assert.rejects(read(), reason);
    assert.ok(seen < 500, `${seen} entries`);
  });

  for (const mode of ["replace", "append"] as const) {
    check(`${mode}: a signal ends an upload midway; what arrived can be aborted or kept`, async (store) => {
      for (const keep of [false, true]) {
        await put(store, "/a", "old");
        const controller = new AbortController();
        const reason = new Error("ABOR");
        const handle = await store.openWrite(at("/a"), { mode, signal: controller.signal });
        await handle.write([Buffer.from("arrived")]);
        controller.abort(reason);
        await assert.rejects(handle.write([Buffer.from("late")]), reason);
        if (keep) await handle.commit();
        else await handle.abort(reason);
        const kept = mode === "append" ? "oldarrived" : "arrived";
        assert.equal(await text(store, "/a"), keep ? kept : "old");
        assert.deepEqual(await names(store), ["a"]);
      }
    });
  }
}
