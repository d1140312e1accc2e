/** Buckets of latencies: where a value falls, and what they add up to. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Histogram, LATENCY_BOUNDS } from "../../dist/observe/histogram.js";

const VALUES: readonly (readonly [milliseconds: number, bound: number | undefined])[] = [
  [0, 1],
  [1, 1],
  [1.001, 2.5],
  [250, 250],
  [250.5, 500],
  [600_000, 600_000],
  [600_001, undefined],
  [1e12, undefined],
];

suite("Histogram", () => {
  for (const [milliseconds, bound] of VALUES)
    test(`${milliseconds} ms is ${bound === undefined ? "above every bucket" : `in that up to ${bound}`}`, () => {
      const histogram = new Histogram();
      histogram.add(milliseconds);
      const { count, milliseconds: sum, buckets } = histogram.snapshot();
      assert.deepEqual([count, sum], [1, milliseconds]);
      assert.equal(buckets.find((bucket) => bucket.count > 0)?.upTo, bound);
      assert.deepEqual(
        buckets.map(({ upTo }) => upTo),
        LATENCY_BOUNDS,
      );
    });

  test("a snapshot stays as it was", () => {
    const histogram = new Histogram();
    const before = histogram.snapshot();
    histogram.add(1);
    assert.deepEqual([before.count, before.buckets[0]?.count], [0, 0]);
    assert.deepEqual([histogram.snapshot().count, histogram.snapshot().buckets[0]?.count], [1, 1]);
  });
});
