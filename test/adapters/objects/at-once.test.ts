/** A few at a time, and what a failure stops. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eachAtOnce } from "../../../dist/adapters/objects/at-once.js";
import { Gate } from "../../kit/gate.js";

test("so many at a time, each once", async () => {
  const done: number[] = [];
  let [now, most] = [0, 0];
  await eachAtOnce([1, 2, 3, 4, 5, 6, 7].values(), 3, async (item) => {
    most = Math.max(most, ++now);
    await Promise.resolve();
    done.push(item);
    now--;
  });
  assert.deepEqual([done, most], [[1, 2, 3, 4, 5, 6, 7], 3]);
  await eachAtOnce([], 3, () => assert.fail("there is nothing to do"));
});

test("after a failure nothing more is begun, and it is told when all have ended", async () => {
  const gate = new Gate();
  const begun: number[] = [];
  let ended = false;
  const all = eachAtOnce([0, 1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error("first");
    await gate.pass();
    ended = true;
    throw new Error("second");
  }).then(
    () => "done",
    (error: Error) => `${error.message}, ended ${ended}`,
  );
  await gate.reached;
  gate.open();
  assert.equal(await all, "first, ended true");
  assert.deepEqual(begun, [0, 1]);
});
