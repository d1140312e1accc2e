import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine } from "basic-ftp/dist/parseListUnix.js";
import fc from "fast-check";
import { longLine } from "../../dist/listing/long-line.js";
import type { FileInfo } from "../../dist/storage/file-info.js";

const NOW = new Date("2024-03-15T12:00:00Z");
const FILE: FileInfo = { name: "name", type: "file", size: 1234, modified: new Date("2024-01-02T15:04:59Z") };

test("a line is that of ls -l (RFC 959 §4.1.3)", () => {
  const rows: readonly (readonly [Partial<FileInfo>, string])[] = [
    [{}, "-rw-r--r--   1 ftp      ftp             1234 Jan 02 15:04 name"],
    [
      { mode: 0o640, owner: "owner", group: "group", links: 12 },
      "-rw-r-----  12 owner    group           1234 Jan 02 15:04 name",
    ],
    [{ type: "directory", size: 0 }, "drwxr-xr-x   1 ftp      ftp                0 Jan 02 15:04 name"],
    [{ type: "link", size: 3 }, "lrwxrwxrwx   1 ftp      ftp                3 Jan 02 15:04 name"],
    [{ type: "link", size: 3, target: "a b" }, "lrwxrwxrwx   1 ftp      ftp                3 Jan 02 15:04 name -> a b"],
    [{ mode: 0 }, "----------   1 ftp      ftp             1234 Jan 02 15:04 name"],
    [{ mode: 0o777 }, "-rwxrwxrwx   1 ftp      ftp             1234 Jan 02 15:04 name"],
    [{ mode: 0o124 }, "---x-w-r--   1 ftp      ftp             1234 Jan 02 15:04 name"],
    [{ mode: 0o100644 }, "-rw-r--r--   1 ftp      ftp             1234 Jan 02 15:04 name"],
    [{ owner: "Jane Doe", group: "" }, "-rw-r--r--   1 Jane_Doe ftp             1234 Jan 02 15:04 name"],
    [{ owner: "much-longer" }, "-rw-r--r--   1 much-longer ftp             1234 Jan 02 15:04 name"],
    [{ size: 2 ** 53 - 1 }, "-rw-r--r--   1 ftp      ftp      9007199254740991 Jan 02 15:04 name"],
    [{ name: " a  b " }, "-rw-r--r--   1 ftp      ftp             1234 Jan 02 15:04  a  b "],
  ];
  for (const [change, line] of rows) assert.equal(longLine({ ...FILE, ...change }, NOW), line);
});

test("a target that would break the line is not shown (RFC 3659 §2.2)", () => {
  for (const target of ["a\r\n226 done", "a\nb", "a\rb", "\0", ""])
    assert.match(longLine({ ...FILE, type: "link", target }, NOW), / Jan 02 15:04 name$/);
});

test("the time within half a year, the year before it and after now, in UTC", () => {
  const rows: readonly (readonly [string | undefined, string])[] = [
    ["2024-03-15T12:00:00Z", "Mar 15 12:00"],
    ["2024-03-15T12:00:01Z", "Mar 15  2024"],
    ["2024-03-14T23:59:59Z", "Mar 14 23:59"],
    ["2024-02-29T00:00:00Z", "Feb 29 00:00"],
    ["2023-09-14T21:05:25Z", "Sep 14 21:05"],
    ["2023-09-14T21:05:24Z", "Sep 14  2023"],
    ["2023-12-31T23:59:59Z", "Dec 31 23:59"],
    ["2025-01-01T00:00:00Z", "Jan 01  2025"],
    ["1999-12-31T23:59:59Z", "Dec 31  1999"],
    ["9999-12-31T23:59:59Z", "Dec 31  9999"],
    ["+010000-01-01T00:00:00Z", "Jan 01  1970"],
    ["0999-12-31T23:59:59Z", "Jan 01  1970"],
    ["not a date", "Jan 01  1970"],
    [undefined, "Jan 01  1970"],
  ];
  for (const [time, shown] of rows) {
    const modified = time === undefined ? undefined : new Date(time);
    assert.equal(longLine({ ...FILE, modified }, NOW).slice(-17), `${shown} name`, time);
  }
});

test("the twelve months are English", () => {
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  for (const [month, name] of months.entries())
    assert.ok(longLine({ ...FILE, modified: new Date(Date.UTC(2001, month, 9)) }, NOW).includes(` ${name} 09  2001 `));
});

const infos = fc.record<FileInfo>(
  {
    name: fc
      .string({ unit: "binary", minLength: 1 })
      .filter((name) => !/[/\0\r\n\u2028\u2029]| -> |^\.\.?$/.test(name)),
    type: fc.constantFrom("file", "directory", "link"),
    size: fc.maxSafeNat(),
    modified: fc.date({
      noInvalidDate: true,
      min: new Date("1000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
    }),
    mode: fc.integer({ min: 0, max: 0o777 }),
    owner: fc.string({ unit: "binary" }),
    group: fc.string({ unit: "binary" }),
    links: fc.integer({ min: 1, max: 100_000 }),
    target: fc.string({ unit: "grapheme", minLength: 1 }),
  },
  { requiredKeys: ["name", "type", "size"] },
);

test("every line is read back by the parser of a client", () => {
  fc.assert(
    fc.property(infos, (info) => {
      const parsed = parseLine(longLine(info, NOW));
      assert.ok(parsed, "the line does not parse");
      assert.deepEqual(
        [parsed.name, parsed.size, parsed.isDirectory, parsed.isFile, parsed.isSymbolicLink, parsed.hardLinkCount],
        [info.name, info.size, info.type === "directory", info.type === "file", info.type === "link", info.links ?? 1],
      );
      const { user, group, world } = parsed.permissions ?? {};
      const mode = info.mode ?? { directory: 0o755, file: 0o644, link: 0o777 }[info.type];
      assert.deepEqual([user, group, world], [(mode >> 6) & 7, (mode >> 3) & 7, mode & 7]);
    }),
    { numRuns: 1_000 },
  );
});

test("every line has nine columns before the name, none empty", () => {
  const form =
    /^[-dl](?:[r-][w-][x-]){3} +\d+ [^\s;]+ +[^\s;]+ +\d+ (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d\d (?:\d\d:\d\d| \d{4}) (.*)$/s;
  fc.assert(
    fc.property(infos, (info) => {
      const shown = form.exec(longLine(info, NOW))?.[1];
      assert.equal(shown, info.type === "link" && info.target ? `${info.name} -> ${info.target}` : info.name);
    }),
  );
});
