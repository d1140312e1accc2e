/** Calls at once and by the thread pool: the same results and errors, and no descriptor is ever another file's. */
import assert from "node:assert/strict";
import { type BigIntStats, closeSync, constants, openSync, readFileSync } from "node:fs";
import { mkdir, readdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { runInNewContext } from "node:vm";
import { Disk } from "../../dist/adapters/local/disk.js";
import type { DiskFile } from "../../dist/adapters/local/disk-file.js";
import { entriesOf } from "../../dist/adapters/local/listing.js";
import { pinByPath } from "../../dist/adapters/local/pin.js";
import { systemCode } from "../../dist/adapters/local/refusal.js";
import { type Answer, Tempo } from "../../dist/adapters/local/tempo.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { temporaryDirectory } from "../kit/temporary.js";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY } = constants;
/** More than what a disk frees at once. */
const LARGE = 64 * 1024 * 1024;
/** More than what is read or written at once. */
const PIECE = Buffer.alloc(100_000, "piece");

/** Counts the calls that are made at once. */
class CountingTempo extends Tempo {
  atOnce = 0;

  override call<Value>(now: () => Value, meanwhile: () => Promise<Value>): Answer<Value> {
    const counted = (): Value => {
      this.atOnce++;
      return now();
    };
    return super.call(counted, meanwhile);
  }
}

/** Has the promises of another realm, as those of Node are where jest runs us. */
class ForeignTempo extends Tempo {
  readonly #promises = runInNewContext("Promise") as PromiseConstructor;

  override call<Value>(now: () => Value): Answer<Value> {
    return new this.#promises<Value>((resolve) => resolve(now()));
  }
}

function diskOf(tempo: Tempo): Disk {
  return new Disk(tempo, tempo, "");
}

/** A folder with a file, a directory and links. */
async function scene(): Promise<{ path: (name: string) => string } & AsyncDisposable> {
  const directory = await temporaryDirectory();
  const path = (name: string): string => join(directory.path, name);
  await writeFile(path("file"), "0123456789");
  await mkdir(path("directory"));
  await symlink("file", path("link"));
  await symlink("nothing", path("broken"));
  return { path, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

type Path = (name: string) => string;

async function opened(disk: Disk, path: string, use: (file: DiskFile) => unknown): Promise<unknown> {
  await using file = await disk.open(path, O_RDWR);
  return await use(file);
}

function kind(stats: BigIntStats | undefined): unknown {
  return stats && [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink(), stats.size > 0n];
}

const CALLS: Readonly<Record<string, (disk: Disk, path: Path) => unknown>> = {
  "open what is missing": (disk, path) => disk.open(path("none"), O_RDONLY),
  "open below a file": (disk, path) => disk.open(path("file/x"), O_RDONLY),
  "open what is taken": (disk, path) => disk.open(path("file"), O_RDWR | O_CREAT | O_EXCL, 0o600),
  "open a link": (disk, path) => disk.open(path("link"), O_RDONLY | O_NOFOLLOW),
  "open a file as a directory": (disk, path) => disk.open(path("file"), O_RDONLY | O_DIRECTORY),
  "open a name with NUL": (disk, path) => disk.open(path("a\0b"), O_RDONLY),
  "find what is missing": (disk, path) => disk.find(path("none"), O_RDONLY),
  "find through a link": async (disk, path) => {
    await using file = await disk.find(path("link"), O_RDONLY);
    return kind(await file.stat());
  },
  "make a file": async (disk, path) => {
    await using file = await disk.open(path("new"), O_RDWR | O_CREAT | O_EXCL, 0o640);
    return [(await file.stat()).mode, await file.writev([Buffer.from("ab"), Buffer.from("c")], 0)];
  },
  "lstat a file": async (disk, path) => kind(await disk.lstat(path("file"))),
  "lstat a link": async (disk, path) => kind(await disk.lstat(path("broken"))),
  "lstat what is missing": (disk, path) => disk.lstat(path("none")),
  "lstats of several": async (disk, path) => {
    const looks = await disk.lstats(["file", "none", "link", "file/x", "directory"].map(path));
    return looks.map(({ stats, error }) => kind(stats) ?? systemCode(error));
  },
  "lstats of none, then of one": async (disk, path) => [await disk.lstats([]), (await disk.lstats([path(".")])).length],
  "statIfAny a directory": async (disk, path) => kind(await disk.statIfAny(path("directory"))),
  "statIfAny what is missing": async (disk, path) => kind(await disk.statIfAny(path("none"))),
  "statIfAny below a file": async (disk, path) => kind(await disk.statIfAny(path("file/x"))),
  "isLink a link": (disk, path) => disk.isLink(path("broken")),
  "isLink a file": (disk, path) => disk.isLink(path("file")),
  "isLink what is missing": (disk, path) => disk.isLink(path("none")),
  "readlink a link": async (disk, path) => String(await disk.readlink(path("link"))),
  "readlink a file": (disk, path) => disk.readlink(path("file")),
  "rename a file": async (disk, path) => [await disk.rename(path("file"), path("to")), await readdir(path("."))],
  "rename what is missing": (disk, path) => disk.rename(path("none"), path("to")),
  "rename onto a directory": (disk, path) => disk.rename(path("file"), path("directory")),
  "unlink a link": async (disk, path) => [await disk.unlink(path("link")), await readdir(path("."))],
  "unlink a directory": (disk, path) => disk.unlink(path("directory")),
  "unlink what is missing": (disk, path) => disk.unlink(path("none")),
  "read a part, and at the end": (disk, path) =>
    opened(disk, path("file"), async (file) => {
      const memory = Buffer.alloc(4);
      return [await file.read(memory, 8), String(memory), await file.read(memory, 10)];
    }),
  "read a directory": async (disk, path) => {
    await using file = await disk.open(path("directory"), O_RDONLY);
    return await file.read(Buffer.alloc(4), 0);
  },
  "write a large piece, and read it": (disk, path) =>
    opened(disk, path("file"), async (file) => {
      const memory = Buffer.alloc(PIECE.length);
      return [await file.writev([PIECE], 3), await file.read(memory, 3), memory.equals(PIECE)];
    }),
  "write what is open for reading": async (disk, path) => {
    await using file = await disk.open(path("file"), O_RDONLY);
    return await file.writev([Buffer.from("x")], 0);
  },
  "sync, cut and change the mode": (disk, path) =>
    opened(disk, path("file"), async (file) => {
      await file.truncate(3);
      await file.chmod(0o604);
      await file.chown(process.getuid?.() ?? 0, process.getgid?.() ?? 0);
      await file.datasync();
      await file.sync();
      const { size, mode } = await file.stat();
      return [size, mode, readFileSync(path("file"), "utf8")];
    }),
};

/** What comes of a call, errors with what Node tells of them. */
async function outcome(tempo: Tempo, call: (disk: Disk, path: Path) => unknown): Promise<unknown> {
  await using made = await scene();
  try {
    return { value: await call(diskOf(tempo), made.path) };
  } catch (error) {
    assert.ok(error instanceof Error);
    return { code: systemCode(error), syscall: "syscall" in error ? error.syscall : undefined };
  }
}

suite("Disk: at once and by the thread pool", () => {
  for (const [title, call] of Object.entries(CALLS)) {
    test(`${title}: the same either way`, async () => {
      await assertNoLeaks(async () => {
        const counting = new CountingTempo(true);
        const atOnce = await outcome(counting, call);
        assert.deepEqual(atOnce, await outcome(new Tempo(false), call));
        assert.ok(counting.atOnce > 0, "made at once");
      });
    });
  }

  test("a directory is listed the same, whichever realm promises come from", async () => {
    await using made = await scene();
    const listed = async (tempo: Tempo): Promise<readonly string[]> => {
      await using directory = await pinByPath(diskOf(tempo), made.path("."));
      const found: string[] = [];
      const [lists, shownTarget] = [() => true, (target: string) => target];
      for await (const some of entriesOf({ directory, lists, shownTarget, signal: undefined }))
        for (const { name, type, target } of some) found.push(`${name} ${type} ${target}`);
      return found.sort();
    };
    const atOnce = await listed(new Tempo(true));
    assert.equal(atOnce.length, 4);
    assert.ok(atOnce.includes("link link file"));
    assert.deepEqual(await listed(new ForeignTempo(true)), atOnce);
    assert.deepEqual(await listed(new Tempo(false)), atOnce);
  });

  for (const [pace, calls] of [
    [0, 1],
    [1, 4],
  ] as const) {
    test(`looks that take ${pace} ms are ${calls} calls: a slow one is the last of its call`, async (t) => {
      await using made = await scene();
      const tempo = new CountingTempo(true);
      let now = 1000;
      Object.defineProperty(performance, "now", { value: () => (now += pace), configurable: true });
      t.after(() => Reflect.deleteProperty(performance, "now"));
      const looks = await diskOf(tempo).lstats(["file", "none", "link", "directory"].map(made.path));
      Reflect.deleteProperty(performance, "now");
      assert.deepEqual(
        looks.map(({ stats }) => stats !== undefined),
        [true, false, true, true],
      );
      assert.equal(tempo.atOnce, calls);
    });
  }

  test("ways that may lead elsewhere have a tempo of their own", async () => {
    await using made = await scene();
    const tempo = new CountingTempo(true);
    const disk = new Disk(tempo, new Tempo(false), made.path("."));
    const file = await disk.find(made.path("link"), O_RDONLY);
    assert.equal(await disk.isLink(made.path("link")), true);
    assert.equal(tempo.atOnce, 0);
    await file.stat();
    await file.close();
    assert.equal(tempo.atOnce, 2);
  });

  test("places below the root are held, and no others", () => {
    const disk = new Disk(new Tempo(true), new Tempo(true), "/srv/ftp");
    assert.deepEqual(
      ["/srv/ftp", "/srv/ftp/a", "/srv/ftpd", "/srv", "/"].map((real) => disk.holds(real)),
      [true, true, false, false, false],
    );
    assert.equal(diskOf(new Tempo(true)).holds("/srv"), true);
  });

  for (const change of ["removed", "replaced"] as const) {
    test(`a large file is ${change} by the thread pool: to free its space takes time`, async () => {
      await using made = await scene();
      const tempo = new CountingTempo(true);
      const disk = diskOf(tempo);
      const stats = async (name: string): Promise<BigIntStats> => disk.lstat(made.path(name));
      const run = async (): Promise<number> => {
        await writeFile(made.path("new"), "x");
        const old = await stats("file");
        const before = tempo.atOnce;
        if (change === "removed") await disk.unlink(made.path("file"), old);
        else await disk.rename(made.path("new"), made.path("file"), old);
        return tempo.atOnce - before;
      };
      await truncate(made.path("file"), LARGE);
      assert.equal(await run(), 0);
      await writeFile(made.path("file"), "small");
      assert.equal(await run(), 1);
    });
  }

  test("a large file is closed by the thread pool: it may have been removed meanwhile", async () => {
    await using made = await scene();
    const tempo = new CountingTempo(true);
    const disk = diskOf(tempo);
    await truncate(made.path("file"), LARGE);
    const closed = async (use: (file: DiskFile) => unknown): Promise<number> => {
      const file = await disk.open(made.path("file"), O_RDWR);
      await use(file);
      const before = tempo.atOnce;
      await file.close();
      return tempo.atOnce - before;
    };
    assert.equal(await closed((file) => file.stat()), 0, "known by a look");
    assert.equal(await closed((file) => file.writev([Buffer.from("x")], LARGE)), 0, "known by writing");
    await truncate(made.path("file"), 10);
    assert.equal(await closed((file) => file.stat()), 1);
  });
});

suite("DiskFile: the end", { skip: process.platform !== "linux" && "descriptors have no path" }, () => {
  test("close waits for the calls under way, and meanwhile nobody else gets the descriptor", async () => {
    await using made = await scene();
    await writeFile(made.path("large"), PIECE);
    const file = await diskOf(new Tempo(true)).open(made.path("large"), O_RDWR);
    const descriptor = Number(file.path.split("/").at(-1));
    const memory = Buffer.alloc(PIECE.length);
    const order: string[] = [];
    const read = Promise.resolve(file.read(memory, 0)).then((bytes) => order.push(`read ${bytes}`));
    const written = Promise.resolve(file.writev([PIECE], 0)).then((bytes) => order.push(`written ${bytes}`));
    const closed = file.close().then(() => order.push("closed"));
    const other = openSync(made.path("file"), "r");
    assert.notEqual(other, descriptor);
    await Promise.all([read, written, closed]);
    closeSync(other);
    assert.equal(order.at(-1), "closed");
    assert.deepEqual(order.toSorted(), ["closed", `read ${PIECE.length}`, `written ${PIECE.length}`]);
    assert.ok(memory.equals(PIECE));
  });

  for (const isLocal of [true, false]) {
    test(`nothing can be done any more once close was called, ${isLocal ? "at once" : "later"}`, async () => {
      await using made = await scene();
      await assertNoLeaks(async () => {
        const file = await diskOf(new Tempo(isLocal)).open(made.path("file"), O_RDWR);
        const first = file.close();
        assert.equal(file.close(), first, "closed once");
        const calls = [
          () => file.path,
          () => file.stat(),
          () => file.read(Buffer.alloc(1), 0),
          () => file.read(Buffer.alloc(PIECE.length), 0),
          () => file.writev([Buffer.from("x")], 0),
          () => file.writev([PIECE], 0),
          () => file.datasync(),
          () => file.sync(),
          () => file.truncate(0),
          () => file.chmod(0o600),
          () => file.chown(0, 0),
        ];
        // The number may be that of another file by now.
        const other = openSync(made.path("file"), "r+");
        for (const call of calls) await assert.rejects(async () => call(), { code: "EBADF" });
        await first;
        await file[Symbol.asyncDispose]();
        for (const call of calls) await assert.rejects(async () => call(), { code: "EBADF" });
        closeSync(other);
        assert.equal(readFileSync(made.path("file"), "utf8"), "0123456789");
      });
    });
  }

  test("close is silent, also where the descriptor is gone", async () => {
    await using made = await scene();
    const file = await diskOf(new Tempo(true)).open(made.path("file"), O_RDONLY);
    closeSync(Number(file.path.split("/").at(-1)));
    await file.close();
  });
});
