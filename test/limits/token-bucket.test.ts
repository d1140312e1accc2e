/** Rates: what is taken, what is waited for, and that nobody starves. The clock is Node's mock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "../../dist/limits/token-bucket.js";
import { clock } from "./clock.js";

test("after a pause the burst comes at once, then the rate", () => {
  using time = clock();
  const bucket = new TokenBucket(100, 50);
  assert.equal(bucket.take(50), 0);
  assert.equal(bucket.take(1), 10);
  time.forward(10);
  assert.equal(bucket.take(10), 100);
});

test("a long pause brings no more than the burst", () => {
  using time = clock();
  const bucket = new TokenBucket(100, 50);
  bucket.take(50);
  time.forward(1_000_000);
  assert.equal(bucket.take(50), 0);
  assert.equal(bucket.take(100), 1000);
});

test("those who ask in turns get the same, however large the pieces of each", () => {
  using _time = clock();
  const bucket = new TokenBucket(1000, 1);
  bucket.take(1);
  const waits = Array.from({ length: 6 }, (_, index) => bucket.take(index % 2 === 0 ? 100 : 50));
  assert.deepEqual(
    waits.map((wait) => Math.round(wait)),
    [100, 150, 250, 300, 400, 450],
  );
});

test("full: as new only when all is paid", () => {
  using time = clock();
  const bucket = new TokenBucket(100, 50);
  assert.equal(bucket.full, true);
  bucket.take(50);
  assert.equal(bucket.full, false);
  time.forward(499);
  assert.equal(bucket.full, false);
  time.forward(1);
  assert.equal(bucket.full, true);
});

test("what is given back is there for the next one, and never more than the reserve", () => {
  using _time = clock();
  const bucket = new TokenBucket(100, 50);
  assert.equal(bucket.take(150), 1000);
  bucket.giveBack(100);
  assert.equal(bucket.take(10), 100);
  bucket.giveBack(1000);
  assert.equal(bucket.take(60), 100);
});
