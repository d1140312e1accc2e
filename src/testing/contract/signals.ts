/** What ends because nobody waits any more. */
import assert from "node:assert/strict";
import { FileSystemError } from "../../storage/file-system-error.js";
import { bytesOf, fill, MEBIBYTE, within } from "../sample.js";
import { at, bytes, everyChange, everyLookup, names, type Operation, put, rest } from "../store-words.js";
import { operationsOf } from "./errors.js";
import type { Row } from "./row.js";
import type { Trial } from "./trial.js";

/** Milliseconds in which what is asked must end after its signal. */
const BOUND = 2000;

/** The moments after the beginning of an operation at which its signal fires. */
const MOMENTS: Readonly<Record<string, (fire: () => void) => unknown>> = {
  "at once": (fire) => fire(),
  "after a turn of promises": (fire) => queueMicrotask(fire),
  "after a turn of the loop": (fire) => setImmediate(fire),
  "after two turns of the loop": (fire) => setImmediate(() => setImmediate(fire)),
};

/** Every operation that the store has, with a signal. */
function signalled(trial: Trial, path: string, signal: AbortSignal): readonly (readonly [string, Operation])[] {
  const known = new Set(operationsOf(trial, path).map(([name]) => name));
  const all = { ...everyLookup(trial.store, path, signal), ...everyChange(trial.store, path, signal) };
  return Object.entries(all).filter(([name]) => known.has(name));
}

/** Tells the reason itself, by which the server knows why something ended, from another one that looks like it. */
function isThe(reason: unknown): (error: unknown) => boolean {
  return (error) => error === reason;
}

/** Asserts that an operation ends in time after its signal: with its reason, or as it would have ended without it. */
async function assertOver(operation: Promise<unknown>, signal: AbortSignal, what: string): Promise<void> {
  const ended = operation.then(
    () => undefined,
    (error: unknown) => error,
  );
  const error = await within(ended, what, BOUND);
  if (error === undefined || error === signal.reason) return;
  if (error instanceof FileSystemError && error.code !== "EIO") return;
  throw new Error(`${what}: neither the signal's reason nor a refusal`, { cause: error });
}

/** The rows. */
export const signals: readonly Row[] = [
  {
    title: "an operation whose signal has fired rejects with its reason and does nothing",
    async run(trial) {
      const { store } = trial;
      await put(store, "/present", "x");
      const reason = new Error("nobody waits");
      for (const path of ["/present", "/new"])
        for (const [name, run] of signalled(trial, path, AbortSignal.abort(reason)))
          await assert.rejects(within(run(), name, BOUND), isThe(reason), `${name} of ${path}`);
      assert.deepEqual(await names(store), ["present"]);
      assert.notEqual((await store.stat(at("/present"))).modified?.getTime(), 0);
    },
  },
  ...Object.entries(MOMENTS).map(([moment, soon]): Row => {
    return {
      title: `a signal that fires ${moment}: every operation is over in time`,
      async run(trial) {
        for (const path of ["/present", "/new"]) {
          await put(trial.store, "/present", "x");
          const controller = new AbortController();
          const { signal } = controller;
          const over = signalled(trial, path, signal).map(([name, run]) => assertOver(run(), signal, name));
          soon(() => controller.abort(new Error("ABOR")));
          await Promise.all(over);
        }
      },
    };
  }),
  {
    title: "a signal ends a download midway",
    async run({ store }) {
      await put(store, "/big", bytesOf(8 * MEBIBYTE));
      const controller = new AbortController();
      const reason = new Error("ABOR");
      await using handle = await store.openRead(at("/big"), { signal: controller.signal });
      let pieces = 0;
      const read = async (): Promise<void> => {
        for await (const chunk of handle.body) {
          pieces += chunk.length > 0 ? 1 : 0;
          controller.abort(reason);
        }
      };
      await assert.rejects(within(read(), "the end of the body", BOUND), isThe(reason));
      assert.equal(pieces, 1);
    },
  },
  {
    title: "a signal ends a listing midway",
    async run(trial) {
      await fill(trial, "", 500);
      const controller = new AbortController();
      const reason = new Error("ABOR");
      let seen = 0;
      const read = async (): Promise<void> => {
        for await (const entry of trial.store.list(at("/"), { signal: controller.signal })) {
          seen += entry.name.length > 0 ? 1 : 0;
          controller.abort(reason);
        }
      };
      await assert.rejects(within(read(), "the end of the listing", BOUND), isThe(reason));
      assert.ok(seen < 500, `${seen} entries`);
    },
  },
  {
    title: "a signal ends reading into memory of the reader, where the store reads so",
    async run({ store }) {
      await put(store, "/a", "0123456789");
      const controller = new AbortController();
      const reason = new Error("ABOR");
      await using reader = await store.openRead(at("/a"), { signal: controller.signal });
      const { body } = reader;
      if (body.read === undefined) return;
      assert.equal(await body.read(Buffer.alloc(4)), 4);
      controller.abort(reason);
      await assert.rejects(within(body.read(Buffer.alloc(4)), "the end of the read", BOUND), isThe(reason));
    },
  },
  ...(["replace", "append"] as const).map((mode): Row => {
    return {
      title: `${mode}: a signal ends an upload midway; what arrived can be aborted or kept`,
      ...(mode === "append" && { needs: ["append"] as const }),
      async run(trial) {
        const arrived = bytesOf(2 * Math.max(...trial.can.borders) + 1);
        await interrupted(trial, mode, Buffer.from("arrived"));
        await interrupted(trial, mode, arrived);
      },
    };
  }),
  {
    title: "a signal ends what was asked of a store that does not answer",
    probe: "stall",
    async run(trial) {
      const { store, can } = trial;
      await put(store, "/present", bytesOf(12 * MEBIBYTE));
      const controller = new AbortController();
      const { signal } = controller;
      await using reader = await store.openRead(at("/present"), { signal });
      const many = Array.from({ length: 4 }, () => Buffer.alloc(Math.max(...can.borders)));
      const writer = await store.openWrite(at("/new"), { mode: "replace", signal });
      {
        await using _stalled = await trial.stall();
        const lookups = everyLookup(store, "/present", signal);
        const asked = { ...lookups, body: () => rest(reader), write: () => writer.write(many) };
        const over = Object.entries(asked).map(([what, run]) => assertOver(run(), signal, what));
        await new Promise((resolve) => setImmediate(resolve));
        controller.abort(new Error("ABOR"));
        await Promise.all(over);
      }
      await writer.abort();
      assert.deepEqual(await names(store), ["present"]);
    },
  },
];

/** Gives an upload up midway, once for good and once to keep what arrived. */
async function interrupted({ store, clean }: Trial, mode: "replace" | "append", arrived: Buffer): Promise<void> {
  for (const keep of [false, true]) {
    await put(store, "/a", "old");
    const controller = new AbortController();
    const reason = new Error("ABOR");
    const handle = await store.openWrite(at("/a"), { mode, signal: controller.signal });
    await handle.write([Buffer.from(arrived)]);
    controller.abort(reason);
    await assert.rejects(within(handle.write([Buffer.from("late")]), "the write", BOUND), isThe(reason));
    if (keep) await handle.commit();
    else await handle.abort(reason);
    const old = Buffer.from("old");
    const kept = mode === "append" ? Buffer.concat([old, arrived]) : arrived;
    const stands = await bytes(store, "/a");
    assert.ok(stands.equals(keep ? kept : old), `${stands.length} bytes`);
    assert.deepEqual(await names(store), ["a"]);
    await clean();
  }
}
