import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PortRange, partOfPorts } from "../../dist/index.js";

describe("parts of a range of ports, for the workers of a cluster", () => {
  test("are the range, one behind the other, and differ by one port at the most", () => {
    for (const size of [1, 2, 3, 7, 10, 101])
      for (let count = 1; count <= size; count++) {
        const parts = Array.from({ length: count }, (_, index) => partOfPorts([5000, 4999 + size], index, count));
        let next = 5000;
        for (const [first, last] of parts) {
          assert.equal(first, next);
          next = last + 1;
        }
        assert.equal(next, 5000 + size);
        const sizes = parts.map(([first, last]) => last - first + 1);
        assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `${size} in ${count}: ${sizes.join()}`);
      }
  });

  test("of two ranges of one size belong together", () => {
    const [ports, advertised]: [PortRange, PortRange] = [
      [50_000, 50_009],
      [1024, 1033],
    ];
    for (let index = 0; index < 3; index++) {
      const [first, last] = partOfPorts(ports, index, 3);
      assert.deepEqual(partOfPorts(advertised, index, 3), [first - 48_976, last - 48_976]);
    }
  });

  for (const [index, count, told] of [
    [0, 11, /^10 ports can be split into 1 to 10 parts, not 11$/],
    [0, 0, /not 0$/],
    [0, 1.5, /not 1\.5$/],
    [3, 3, /^of 3 parts there are 0 to 2, not 3$/],
    [-1, 3, /not -1$/],
    [Number.NaN, 3, /not NaN$/],
  ] as const)
    test(`there is no part ${index} of ${count} of ten ports`, () =>
      assert.throws(() => partOfPorts([1, 10], index, count), { name: "RangeError", message: told }));
});
