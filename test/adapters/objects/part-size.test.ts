/** How parts grow so that the largest file a store can hold fits, and no client can make them larger than that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { partSizeOf } from "../../../dist/adapters/objects/part-size.js";

const MEBIBYTE = 1024 ** 2;
const limits = { keyBytes: 1024, parts: 10_000, partsAtOnce: 64, partUnit: 1 };
const sizes = { partSize: 8 * MEBIBYTE, uniformParts: false, sizeHint: undefined, limits };

test("parts grow: 5 TiB fit in 10,000 of them, from any size", () => {
  for (const partSize of [5 * MEBIBYTE, 8 * MEBIBYTE, 1024 * MEBIBYTE]) {
    let total = 0;
    for (let number = 0; number < limits.parts; number++) {
      const size = partSizeOf({ ...sizes, partSize }, number);
      assert.ok(size <= 3 * 1024 * MEBIBYTE, "each fits a buffer");
      // Memory is bounded by the file: a part is at most a five hundredth of what went before, and the first size.
      assert.ok(size <= partSize + total / 500, `part ${number}`);
      total += size;
    }
    assert.ok(total >= 5 * MEBIBYTE ** 2, `${total}`);
  }
});

test("parts do not grow where they must not, or need not", () => {
  assert.equal(partSizeOf({ ...sizes, uniformParts: true }, 9999), 8 * MEBIBYTE);
  assert.equal(partSizeOf({ ...sizes, limits: { ...limits, parts: Infinity } }, 1e9), 8 * MEBIBYTE);
  assert.equal(partSizeOf(sizes, 909), 8 * MEBIBYTE);
  assert.equal(partSizeOf(sizes, 910), 16 * MEBIBYTE);
});

test("a size that the client tells counts for uniform parts, eightfold at the most", () => {
  assert.equal(partSizeOf({ ...sizes, sizeHint: 1e15 }, 0), 8 * MEBIBYTE);
  const uniform = { ...sizes, uniformParts: true };
  assert.equal(partSizeOf({ ...uniform, sizeHint: 200_000 * MEBIBYTE }, 0), 20 * MEBIBYTE);
  assert.equal(partSizeOf({ ...uniform, sizeHint: 1e15 }, 0), 64 * MEBIBYTE);
});

test("parts are multiples of the store's unit", () => {
  const unit = { ...limits, partUnit: 262_144 };
  assert.equal(partSizeOf({ ...sizes, partSize: 5 * MEBIBYTE + 1, limits: unit }, 0), 5 * MEBIBYTE + 262_144);
});
