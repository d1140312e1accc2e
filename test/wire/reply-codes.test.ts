/** The codes that an FTP server may send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isReplyCode, REPLY_CODES } from "../../dist/wire/reply-codes.js";

const sources: readonly (readonly [string, readonly number[]])[] = [
  ["RFC 959 §4.2 (1yz)", [110, 120, 125, 150]],
  ["RFC 959 §4.2 (2yz)", [200, 202, 211, 212, 213, 214, 215, 220, 221, 225, 226, 227, 230, 250, 257]],
  ["RFC 959 §4.2 (3yz)", [331, 332, 350]],
  ["RFC 959 §4.2 (4yz)", [421, 425, 426, 450, 451, 452]],
  ["RFC 959 §4.2 (5yz)", [500, 501, 502, 503, 504, 530, 532, 550, 551, 552, 553]],
  ["RFC 1123 §4.1.3.4", [554, 555]],
  ["RFC 1639 §3", [228]],
  ["RFC 2228 §5.1", [232, 234, 235, 334, 335, 336, 431, 533, 534, 535, 536, 537, 631, 632, 633]],
  ["RFC 2428 §2 and §3", [229, 522]],
  ["RFC 4217 §10.2", [521]],
  ["draft-twine-ftpmd5-00", [251]],
  ["draft-bryan-ftpext-hash-02 §3.5", [556]],
];

for (const [source, codes] of sources)
  test(`${source}: the codes are known`, () =>
    assert.deepEqual(
      codes.filter((code) => !isReplyCode(code)),
      [],
    ));

test("no code without a clause, and none that no clause knows", () => {
  assert.deepEqual(
    Object.keys(REPLY_CODES).map(Number),
    sources.flatMap(([, codes]) => codes).toSorted((a, b) => a - b),
  );
  for (const { meaning, source } of Object.values(REPLY_CODES)) {
    assert.match(meaning, /^[A-Z][ -~]+[^.]$/);
    assert.match(source, /^(RFC \d+ §|draft-[a-z0-9-]+-\d\d)/);
  }
});

test("RFC 959 §4.2: what is no code", () => {
  for (const code of [0, 99, 199, 201, 600, 1000, -200, 200.5, Number.NaN]) assert.equal(isReplyCode(code), false);
});
