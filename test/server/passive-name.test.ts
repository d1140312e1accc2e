/** A name behind `passive.address`: asked for again when its answer is old, never twice at once, never waited for long. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type NameTimes, PassiveName } from "../../dist/session/passive-name.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";

/** A name whose questions the test answers, one by one. */
function asked(times: NameTimes = {}) {
  const questions: { answer(address: string): void; fail(error: Error): void }[] = [];
  const failures: unknown[] = [];
  const name = new PassiveName("ftp.example", times, (text) => {
    assert.equal(text, "ftp.example");
    return new Promise((answer, fail) => questions.push({ answer, fail }));
  });
  return { questions, failures, address: () => name.address((error) => failures.push(error)) };
}

const GONE = new Error("no such name");
/** Longer than a test takes, and no time at all. */
const [LONG, NONE] = [600_000, 0];

describe("a name", () => {
  test("is asked for once, however many wait, and not again while the answer is fresh", async () => {
    const { questions, failures, address } = asked({ fresh: LONG });
    const waiting = [address(), address(), address()];
    assert.equal(questions.length, 1);
    questions[0]?.answer("203.0.113.1");
    assert.deepEqual(await Promise.all(waiting), ["203.0.113.1", "203.0.113.1", "203.0.113.1"]);
    assert.equal(await address(), "203.0.113.1");
    assert.equal(questions.length, 1);
    assert.deepEqual(failures, []);
  });

  test("is asked for again when the answer is old, and the new answer counts", async () => {
    const { questions, address } = asked({ fresh: NONE });
    for (const [index, answer] of ["203.0.113.1", "203.0.113.2", "203.0.113.1"].entries()) {
      const told = address();
      assert.equal(questions.length, index + 1);
      questions[index]?.answer(answer);
      assert.equal(await told, answer);
    }
  });

  test("keeps the last answer where there is no new one, says so once, and rests before it asks again", async () => {
    const { questions, failures, address } = asked({ fresh: NONE, rest: LONG });
    const first = address();
    questions[0]?.answer("203.0.113.1");
    await first;
    const waiting = [address(), address()];
    questions[1]?.fail(GONE);
    assert.deepEqual(await Promise.all(waiting), ["203.0.113.1", "203.0.113.1"]);
    assert.deepEqual(failures, [GONE]);
    assert.equal(await address(), "203.0.113.1");
    assert.equal(questions.length, 2);
    assert.deepEqual(failures, [GONE]);
  });

  test("that never had an answer is an error for all who wait, also while it rests", async () => {
    const { questions, failures, address } = asked({ rest: LONG });
    const waiting = [address(), address()];
    questions[0]?.fail(GONE);
    for (const one of [...waiting, address()]) await assert.rejects(one, GONE);
    assert.equal(questions.length, 1);
    assert.deepEqual(failures, []);
  });

  test("has an answer again after a failure and its rest", async () => {
    const { questions, address } = asked({ rest: NONE });
    const first = address();
    questions[0]?.fail(GONE);
    await assert.rejects(first, GONE);
    const second = address();
    questions[1]?.answer("203.0.113.1");
    assert.equal(await second, "203.0.113.1");
  });

  test("is waited for no longer than the bound; the question is not asked twice, and a late answer counts", () =>
    assertNoLeaks(async () => {
      const { questions, address } = asked({ wait: 20, rest: NONE, fresh: LONG });
      const message = "no answer for ftp.example in 20 ms";
      await assert.rejects(within(address(), "the bound"), { message });
      await assert.rejects(address(), { message });
      assert.equal(questions.length, 1);
      questions[0]?.answer("203.0.113.1");
      await until(async () => (await address().catch(() => "")) === "203.0.113.1");
      assert.equal(questions.length, 1);
    }));

  test("that answers too late keeps nobody from the last answer", async () => {
    const { questions, failures, address } = asked({ wait: 20, rest: NONE, fresh: NONE });
    const first = address();
    questions[0]?.answer("203.0.113.1");
    await first;
    assert.equal(await within(address(), "the bound"), "203.0.113.1");
    assert.match(String(failures[0]), /no answer for ftp\.example in 20 ms/);
    assert.equal(await address(), "203.0.113.1");
    assert.equal(questions.length, 2);
    questions[1]?.fail(GONE);
  });
});

test("the system knows localhost", async () => {
  const name = new PassiveName("localhost");
  assert.match(await name.address(() => assert.fail("a failure")), /^127\./);
});
