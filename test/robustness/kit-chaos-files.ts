/**
 * Files that say by themselves whether they are whole: of a file that anybody finds in the root, name and content
 * must fit together. Knows no server.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Names that the chaos may make, and what they are. */
const NAMES = /^(whole-[0-9]|old-[0-9]|many-[0-9]|moved-[0-9]|upload\.[0-9a-f]{16}|dir-[0-9]|witness\.bin|out|up)$/;

/** Lines without CR, so that TYPE A changes nothing; of very different lengths, from nothing to about 1 MB. */
export function contentOf(index: number): Buffer {
  const lines = [`content ${index}`];
  for (let line = 0; line < 4 ** index; line++) lines.push(`${line} ${"abcdefghij".repeat((line * 7) % 12)}`);
  return Buffer.from(`${lines.join("\n")}\nend ${index}\n`);
}

/** One line, which is added again and again. */
export function recordOf(index: number): Buffer {
  return Buffer.from(`record ${index} ${"r".repeat(index * 997)}\n`);
}

/** How many contents there are. */
export const CONTENTS = 8;

/** Asserts that nothing in the root, or in a directory below, is partial, hidden, or somebody else's. */
export async function assertWhole(root: string): Promise<void> {
  const contents = Array.from({ length: CONTENTS }, (_, index) => contentOf(index));
  for (const entry of await readdir(root, { withFileTypes: true })) {
    assert.match(entry.name, NAMES, "a foreign file");
    if (entry.isDirectory()) await assertWhole(join(root, entry.name));
    if (!entry.isFile() || entry.name === "witness.bin") continue;
    const bytes = await readFile(join(root, entry.name));
    if (entry.name.startsWith("many-")) assertRecords(bytes, entry.name);
    else assertContent(entry.name, bytes, contents);
  }
}

/** Asserts that a file is one of the contents; the one of its name, where the name has one. */
function assertContent(name: string, bytes: Buffer, contents: readonly Buffer[]): void {
  const index = /^(?:whole|old)-([0-7])$/.exec(name)?.[1];
  const possible = index === undefined ? contents : [contents[Number(index)] as Buffer];
  assert(
    possible.some((content) => content.equals(bytes)),
    `${name} is not whole: ${bytes.length} bytes`,
  );
}

function assertRecords(bytes: Buffer, name: string): void {
  const record = recordOf(Number(name.slice(-1)));
  assert.equal(bytes.length % record.length, 0, `${name} holds part of a record`);
  for (let at = 0; at < bytes.length; at += record.length)
    assert(bytes.subarray(at, at + record.length).equals(record), `${name} holds something else at ${at}`);
}
