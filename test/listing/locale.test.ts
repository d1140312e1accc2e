import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const PROGRAM = `
  import { DEFAULT_FACTS, FACTS, factLine, parseFacts } from ${JSON.stringify(dist("facts"))};
  import { longLine } from ${JSON.stringify(dist("long-line"))};
  const rights = { list: true, read: true };
  const now = new Date("2024-07-15T12:00:00Z");
  for (const time of ["2024-01-31T23:59:59Z", "2024-03-31T01:30:00Z", "2024-07-01T00:00:00Z", "1999-12-31T23:45:00Z"]) {
    const info = { name: "I\\u0131i\\u0130", type: "file", size: 1234567, modified: new Date(time), created: new Date(time) };
    console.log(longLine(info, now));
    console.log(factLine(info, new Set(FACTS), rights));
  }
  console.log([...parseFacts("SIZE;TYPE;MODIFY;UNIQUE;UNIX.MODE;")].join());
  console.error(new Date(0).getTimezoneOffset());
`;

test("S18.16 listings do not depend on the host's zone and language", () => {
  const utc = run("UTC", "C");
  assert.equal(utc.offset, 0);
  assert.match(utc.lines, /Jan 31 23:59 .*\n.*modify=20240131235959;/);
  assert.match(utc.lines, /^type,size,modify,unique,UNIX\.mode$/m);
  for (const [zone, language, offset] of [
    ["Asia/Kolkata", "tr_TR.UTF-8", -330],
    ["Europe/Berlin", "de_DE.UTF-8", -60],
    ["America/New_York", "ja_JP.UTF-8", 300],
  ] as const) {
    const there = run(zone, language);
    assert.equal(there.offset, offset, zone);
    assert.equal(there.lines, utc.lines, zone);
  }
});

function run(zone: string, language: string): { readonly lines: string; readonly offset: number } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", PROGRAM], {
    env: { ...process.env, TZ: zone, LANG: language, LC_ALL: language },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return { lines: stdout, offset: Number(stderr) };
}

function dist(name: string): string {
  return new URL(`../../dist/listing/${name}.js`, import.meta.url).href;
}
