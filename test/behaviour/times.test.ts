/** Sizes, times and modes of files (RFC 3659 §3 and §4, draft-somers-ftp-mfxx, SITE CHMOD, UTIME and UMASK). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FileSystemError, FileSystemWrapper, MemoryFileSystem, virtualPath } from "../../dist/index.js";
import { download, upload } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";

async function scene(
  options: ServeOptions = {},
): Promise<{ served: Served; client: ScriptedClient } & AsyncDisposable> {
  const served = await serve(options);
  await put(served.fileSystem, "/f", "12345");
  await putDirectory(served.fileSystem, "/d");
  return { served, client: await served.user(), [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

const modified = async (served: Served, path: string) =>
  (await served.fileSystem.stat(virtualPath(path))).modified?.toISOString();
const modeOf = async (served: Served, path: string) => (await served.fileSystem.stat(virtualPath(path))).mode;

/** What is no point in time: bad months, days, hours and forms. */
const BAD_TIMES = [
  "x",
  "2020",
  "20200230000000",
  "20201301000000",
  "20200101240000",
  "20200101006000",
  "2020010100000",
  "20200101000000.",
  "-0200101000000",
  "20200101000000x",
  "٢٠٢٠٠١٠١٠٠٠٠٠٠",
];

describe("SIZE and MDTM", () => {
  test("SIZE is the number of octets that RETR sends, and nothing else stands in the 213", async () => {
    await using stage = await scene();
    await stage.client.expect("TYPE I", 200);
    assert.equal((await stage.client.expect("SIZE f", 213)).raw.toString(), "213 5\r\n");
    for (const name of ["d", "missing", "f/x"]) await stage.client.expect(`SIZE ${name}`, 550);
    await stage.client.expect("SIZE", 501);
  });

  test("MDTM is UTC in fourteen digits, the same as MLST's modify", async () => {
    await using stage = await scene();
    await stage.client.expect("MFMT 20200229123456 f", 213);
    assert.equal((await stage.client.expect("MDTM f", 213)).raw.toString(), "213 20200229123456\r\n");
    assert.match((await stage.client.expect("MLST f", 250)).lines[1] ?? "", /modify=20200229123456;/);
    await stage.client.expect("MDTM missing", 550);
    await stage.client.expect("MDTM", 501);
  });
});

describe("times in LIST", () => {
  test("UTC, with the time of day within half a year, with the year beyond and in the future", async () => {
    await using stage = await scene();
    const shown = async (time: Date) => {
      const stamp = time.toISOString().replaceAll(/[-:T]|\..*/g, "");
      await stage.client.expect(`MFMT ${stamp} f`, 213);
      return (await download(stage.client, "LIST f")).bytes.toString();
    };
    const day = 86_400_000;
    const [, , date, month, , clock] =
      / ?(\w+), (\d+) (\w+) (\d+) (\d+:\d+)/.exec(new Date(Date.now() - day).toUTCString()) ?? [];
    assert.match(await shown(new Date(Date.now() - day)), new RegExp(` ${month} ${date} ${clock} f\r\n$`));
    assert.match(await shown(new Date(Date.UTC(2001, 1, 3))), / Feb 03 {2}2001 f\r\n$/);
    const later = new Date(Date.now() + 300 * day);
    assert.match(await shown(later), new RegExp(` {2}${later.getUTCFullYear()} f\r\n$`));
  });
});

describe("MFMT", () => {
  test("sets the time of the last change and tells it", async () => {
    await using stage = await scene();
    const { text } = await stage.client.expect("MFMT 19991231235959 f", 213);
    assert.match(text, /^Modify=19991231235959; \/?f$/);
    assert.equal(await modified(stage.served, "/f"), "1999-12-31T23:59:59.000Z");
    await stage.client.expect("MFMT 20200102030405.678 f", 213);
    assert.equal((await modified(stage.served, "/f"))?.slice(0, 19), "2020-01-02T03:04:05");
  });

  for (const time of BAD_TIMES)
    test(`S14.4 MFMT ${time}: 501 and nothing changes`, async () => {
      await using stage = await scene();
      const before = await modified(stage.served, "/f");
      await stage.client.expect(`MFMT ${time} f`, 501);
      await stage.client.expect(`MFF modify=${time}; f`, 501);
      assert.equal(await modified(stage.served, "/f"), before);
    });

  test("of what is missing 550, without a path 501", async () => {
    await using stage = await scene();
    await stage.client.expect("MFMT 20200101000000 missing", 550);
    await stage.client.expect("MFMT 20200101000000", 501);
    await stage.client.expect("MFMT 20200101000000 ", 501);
  });
});

describe("MFF", () => {
  test("sets several facts and answers with those", async () => {
    await using stage = await scene();
    const { text } = await stage.client.expect("MFF Modify=20200102030405;UNIX.mode=0640; f", 213);
    assert.match(text, /Modify=20200102030405;.*UNIX\.mode=0?640;/i);
    assert.equal(await modified(stage.served, "/f"), "2020-01-02T03:04:05.000Z");
    assert.equal(await modeOf(stage.served, "/f"), 0o640);
  });

  test("the last ; may be missing, as some clients have it", async () => {
    await using stage = await scene();
    await stage.client.expect("MFF modify=20200102030405 f", 213);
    assert.equal(await modified(stage.served, "/f"), "2020-01-02T03:04:05.000Z");
  });

  test("an unknown fact is refused with 504 before anything is set", async () => {
    await using stage = await scene();
    const before = await modified(stage.served, "/f");
    for (const fact of ["size=3", "UNIX.owner=root", "__proto__=x", "type=dir"])
      await stage.client.expect(`MFF modify=20200102030405;${fact}; f`, 504);
    assert.equal(await modified(stage.served, "/f"), before);
  });

  test("bad syntax is 501", async () => {
    await using stage = await scene();
    for (const line of ["MFF", "MFF f", "MFF ; f", "MFF modify; f", "MFF modify=20200102030405;"])
      await stage.client.expect(line, 501, 504);
  });
});

describe("MFCT", () => {
  test("works where FEAT says so, else 502 or 550", async () => {
    await using stage = await scene();
    const offered = (await stage.client.expect("FEAT", 211)).lines.includes(" MFCT");
    const { code } = await stage.client.command("MFCT 20200102030405 f");
    if (offered) assert.equal(code, 213);
    else assert([502, 504, 550].includes(code), String(code));
    if (offered)
      assert.equal(
        (await stage.served.fileSystem.stat(virtualPath("/f"))).created?.toISOString(),
        "2020-01-02T03:04:05.000Z",
      );
  });
});

describe("SITE", () => {
  test("CHMOD sets the permission bits", async () => {
    await using stage = await scene();
    for (const [mode, bits] of [
      ["600", 0o600],
      ["0755", 0o755],
      ["000", 0],
    ] as const) {
      await stage.client.expect(`SITE CHMOD ${mode} f`, 200, 250);
      assert.equal(await modeOf(stage.served, "/f"), bits);
    }
    await stage.client.expect("site chmod 644 f", 200, 250);
  });

  for (const mode of ["999", "4755", "1777", "u+s", "-1", "0o644", "", "+x", "7777777777"])
    test(`S14.3 CHMOD ${JSON.stringify(mode)}: 501 and nothing changes`, async () => {
      await using stage = await scene();
      const before = await modeOf(stage.served, "/f");
      await stage.client.expect(`SITE CHMOD ${mode} f`, 501);
      assert.equal(await modeOf(stage.served, "/f"), before);
    });

  test("CHMOD of what is missing: 550; without a path: 501", async () => {
    await using stage = await scene();
    await stage.client.expect("SITE CHMOD 644 missing", 550);
    await stage.client.expect("SITE CHMOD 644", 501);
    await stage.client.expect("SITE CHMOD", 501);
  });

  test("UTIME in both forms", async () => {
    await using stage = await scene();
    await stage.client.expect("SITE UTIME 20200102030405 f", 200);
    assert.equal(await modified(stage.served, "/f"), "2020-01-02T03:04:05.000Z");
    await stage.client.expect("SITE UTIME 202001020304 f", 200);
    assert.equal(await modified(stage.served, "/f"), "2020-01-02T03:04:00.000Z");
    await stage.client.expect("SITE UTIME f 20100101000000 20110102030405 20120101000000 UTC", 200);
    assert.equal(await modified(stage.served, "/f"), "2011-01-02T03:04:05.000Z");
    for (const line of ["SITE UTIME", "SITE UTIME f", "SITE UTIME 20200230000000 f"])
      await stage.client.expect(line, 501);
    await stage.client.expect("SITE UTIME 20200102030405 missing", 550);
  });

  test("UMASK shows and sets what new files and directories lack", async () => {
    await using stage = await scene();
    await stage.client.expect("SITE UMASK", 200);
    await stage.client.expect("SITE UMASK 027", 200);
    assert.match((await stage.client.expect("SITE UMASK", 200)).text, /027/);
    await upload(stage.client, "STOR new", "x");
    await stage.client.expect("MKD made", 257);
    assert.equal(await modeOf(stage.served, "/new"), 0o640);
    assert.equal(await modeOf(stage.served, "/made"), 0o750);
    for (const mask of ["-1", "999", "x"]) await stage.client.expect(`SITE UMASK ${mask}`, 501);
  });
});

test("a store without times and modes: refused, and not in FEAT", async () => {
  class Plain extends FileSystemWrapper {
    override setTimes(path: Parameters<FileSystemWrapper["setTimes"]>[0]): Promise<void> {
      return Promise.reject(new FileSystemError("ENOSYS", path));
    }
    override setMode(path: Parameters<FileSystemWrapper["setMode"]>[0]): Promise<void> {
      return Promise.reject(new FileSystemError("ENOSYS", path));
    }
    override supports(capability: Parameters<FileSystemWrapper["supports"]>[0]): boolean {
      return !["setTimes", "setMode", "setCreated"].includes(capability) && super.supports(capability);
    }
  }
  await using stage = await scene({ fileSystem: new Plain(new MemoryFileSystem()) });
  for (const line of [
    "MFMT 20200101000000 f",
    "MFCT 20200101000000 f",
    "MFF modify=20200101000000; f",
    "SITE CHMOD 644 f",
    "SITE UTIME 20200101000000 f",
    "SITE UMASK 022",
  ])
    await stage.client.expect(line, 502, 504, 550);
  const { lines } = await stage.client.expect("FEAT", 211);
  assert(!lines.some((line) => /^ MF(MT|CT|F)/.test(line)), lines.join());
  assert.equal((await download(stage.client, "RETR f")).bytes.toString(), "12345");
});
