/** When the calls of a disk are made at once, by a clock of the test's own. */
import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { Tempo } from "../../dist/adapters/local/tempo.js";

/** A process whose time passes by calls alone. */
class Process {
  now = 1000;
  /** How often its threads have waited. */
  waits = 0;
  /** Milliseconds for which calls have held it up. */
  heldUp = 0;

  constructor(context: TestContext) {
    // Not mocked: every call would be remembered.
    Object.defineProperty(performance, "now", { value: () => this.now, configurable: true });
    const { resourceUsage } = process;
    const usage = resourceUsage();
    process.resourceUsage = () => ({ ...usage, voluntaryContextSwitches: this.waits });
    context.after(() => {
      Reflect.deleteProperty(performance, "now");
      process.resourceUsage = resourceUsage;
    });
  }

  /**
   * @param isDisk whether it takes long because of the disk, and not because others compute
   * @returns how a call of so many milliseconds was made
   */
  async call(tempo: Tempo, milliseconds: number, isDisk = true): Promise<"at once" | "later"> {
    return tempo.call<"at once" | "later">(
      () => {
        this.now += milliseconds;
        this.heldUp += milliseconds;
        if (isDisk) this.waits++;
        return "at once";
      },
      () => {
        this.now += milliseconds;
        return Promise.resolve("later");
      },
    );
  }
}

suite("Tempo", () => {
  test("calls of a quick disk are all made at once", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(true);
    for (let call = 0; call < 10_000; call++) assert.equal(await process.call(tempo, 0.02), "at once");
  });

  test("those of a disk that may be far away never are", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(false);
    for (let call = 0; call < 100; call++) assert.equal(await process.call(tempo, 0), "later");
  });

  test("ten milliseconds may be lost twice, and each that is lost beyond them is paid back with fifty", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(true);
    for (const milliseconds of [5, 7, 5, 7]) assert.equal(await process.call(tempo, milliseconds), "at once");
    assert.equal(await process.call(tempo, 0.1), "later");
    process.now += 90;
    assert.equal(await process.call(tempo, 0), "later");
    process.now += 20;
    assert.equal(await process.call(tempo, 0.1), "at once");
  });

  test("calls that take long because others compute cost no more than a look", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(true);
    for (let call = 0; call < 1000; call++) assert.equal(await process.call(tempo, 5, false), "at once");
    for (const milliseconds of [5, 7]) assert.equal(await process.call(tempo, milliseconds), "at once");
    assert.equal(await process.call(tempo, 0.1), "later");
  });

  for (const milliseconds of [0.3, 0.9, 2, 50, 3000]) {
    test(`a disk that takes ${milliseconds} ms for a call holds the process up for a twenty-fifth of the time at the most`, async (t) => {
      const process = new Process(t);
      const tempo = new Tempo(true);
      const [begin, whole] = [process.now, Math.max(60_000, 1000 * milliseconds)];
      let calls = 0;
      while (process.now - begin < whole) if ((await process.call(tempo, milliseconds)) === "at once") calls++;
      assert.ok(calls > 1, "it is tried again");
      assert.ok(process.heldUp <= whole / 25 + 2 * (10 + milliseconds), `${process.heldUp} ms`);
    });
  }

  test("a call that fails has held the process up as well, and its error is thrown at once", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(true);
    const failure = new Error("of the disk");
    const fail = (): never => {
      process.now += 20;
      process.waits++;
      throw failure;
    };
    const thrown = (error: unknown): boolean => error === failure;
    assert.throws(() => tempo.call(fail, () => Promise.resolve()), thrown);
    assert.throws(() => tempo.call(fail, () => Promise.resolve()), thrown);
    assert.equal(await process.call(tempo, 0), "later");
  });

  test("a clock that is set back neither forgives nor adds anything", async (t) => {
    const process = new Process(t);
    const tempo = new Tempo(true);
    await process.call(tempo, 11);
    await process.call(tempo, 11);
    process.now = 0;
    assert.equal(await process.call(tempo, 0), "later");
    process.now += 60;
    assert.equal(await process.call(tempo, 0), "at once");
  });
});
