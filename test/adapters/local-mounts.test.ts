/** Where calls are made at once: on which disks, and with what mounted. Types and mounts are pretended. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { type Mock, suite, type TestContext, test } from "node:test";
import { diskOf } from "../../dist/adapters/local/disk-of.js";
import { farAmong, farMounts } from "../../dist/adapters/local/mounts.js";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { at } from "../storage/store.js";
import { type Folder, folder, withoutDescriptors } from "./folder.js";

/** Lines as proc_pid_mountinfo(5) describes them. */
const TABLE = [
  "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
  "23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw",
  "24 23 0:33 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw,fd=29",
  "25 22 0:5 / /dev rw - devtmpfs udev rw",
  "26 25 0:40 / /dev/fuse-like rw - fuse.thing thing rw",
  "27 22 0:26 / /run rw shared:5 master:6 - tmpfs tmpfs rw",
  "28 22 0:50 / /srv/ftp/far rw,relatime shared:80 - nfs4 nas:/export rw",
  "29 22 0:51 / /srv/with\\040blank rw - cifs //nas/share rw",
  "30 22 0:52 /sub /home/anna/mnt rw - fuse.sshfs anna@host: rw",
  "31 22 0:53 / /auto rw - autofs auto rw",
  "32 22 0:54 / /new rw - a-type-of-tomorrow x rw",
  "33 22 0:55 / /procession rw - 9p x rw",
  "34 22 8:2 / /boot/efi rw - vfat /dev/sda2 rw",
  "",
];
/** As statfs(2) tells them. */
const [EXT4, NFS] = [0xef53, 0x6969];

let time = 1_000_000_000;

/** A host with other mounts, until the test is over. Time stands still but for `later`. */
class Host {
  type = EXT4;
  mounts: string | Error = "";
  readonly #opened: Mock<typeof fs.openSync>["mock"];

  constructor(context: TestContext) {
    const { mock } = context;
    const { readFile, statfs } = fs.promises;
    this.later();
    mock.method(performance, "now", () => time);
    mock.method(fs.promises, "statfs", async (path: fs.PathLike) => ({ ...(await statfs(path)), type: this.type }));
    mock.method(fs.promises, "readFile", async (path: string, options?: BufferEncoding) => {
      if (path !== "/proc/self/mountinfo") return readFile(path, options);
      if (this.mounts instanceof Error) throw this.mounts;
      return Buffer.from(this.mounts);
    });
    this.#opened = mock.method(fs, "openSync").mock;
    syncBuiltinESMExports();
    context.after(() => {
      mock.restoreAll();
      syncBuiltinESMExports();
    });
  }

  /** What was known of mounts is forgotten. */
  later(): void {
    time += 11_000;
  }

  /** How many files the work opens at once. */
  async atOnce(run: () => Promise<unknown>): Promise<number> {
    const before = this.#opened.callCount();
    await run();
    return this.#opened.callCount() - before;
  }

  /** How many of two files are opened at once: one by a path of a client, and one in a place that is known. */
  async opens({ root }: Folder, pinned = true): Promise<number> {
    const disk = await diskOf(root, root, pinned);
    return this.atOnce(async () => {
      await (await disk.find(root, fs.constants.O_RDONLY)).close();
      await (await disk.open(root, fs.constants.O_RDONLY)).close();
    });
  }
}

suite("Mounts", () => {
  test("far is whatever is not known to be near, but for the folders of the kernel", () => {
    assert.deepEqual(farAmong(Buffer.from(TABLE.join("\n"))), [
      "/srv/ftp/far",
      "/srv/with blank",
      "/home/anna/mnt",
      "/auto",
      "/new",
      "/procession",
    ]);
  });

  test("a place need not be UTF-8, and a line need not be whole", () => {
    const line = Buffer.from("1 1 0:1 / /\xff rw - nfs a b\n", "latin1");
    assert.deepEqual(farAmong(Buffer.concat([line, Buffer.from("nonsense\n1 2 3\n")])), ["/\udcff"]);
    assert.deepEqual(farAmong(Buffer.alloc(0)), []);
  });

  test("the table of this host is read once for all who ask", async () => {
    const first = farMounts();
    assert.equal(farMounts(), first);
    const far = await first;
    if (process.platform === "linux") assert.ok(far?.every((place) => place.startsWith("/")));
    else assert.equal(far, undefined);
  });
});

suite("Which calls are made at once", { skip: process.platform !== "linux" && "nowhere but on Linux" }, () => {
  test("all, where nothing is far", async (t) => {
    await using made = await folder();
    assert.equal(await new Host(t).opens(made), 2);
  });

  test("none on a file system of a network, or of another type that is not known", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    host.type = NFS;
    assert.equal(await host.opens(made), 0);
  });

  test("none with such a one below the root", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    host.mounts = `1 1 0:1 / ${made.root}/far rw - nfs a b`;
    assert.equal(await host.opens(made), 0);
  });

  test("not those that a link may lead elsewhere, with such a one anywhere else", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    host.mounts = "1 1 0:1 / /far/away rw - nfs a b";
    assert.equal(await host.opens(made), 1);
  });

  test("none where the system does not tell of mounts, or places cannot be held", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    assert.equal(await host.opens(made, false), 0);
    host.later();
    host.mounts = new Error("no /proc");
    assert.equal(await host.opens(made), 0);
  });

  test("what is mounted meanwhile counts ten seconds later", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    await writeFile(join(made.root, "file"), "x");
    const look = (): Promise<number> => host.atOnce(() => made.store.stat(at("/file")));
    assert.equal(await look(), 1);
    host.type = NFS;
    assert.equal(await look(), 1);
    host.later();
    assert.equal(await look(), 0);
    host.type = EXT4;
    host.later();
    assert.equal(await look(), 1);
  });

  test("none without /proc/self/fd", async (t) => {
    await using made = await folder();
    const host = new Host(t);
    await writeFile(join(made.root, "file"), "x");
    const elsewhere = withoutDescriptors(() => new LocalFileSystem(made.root));
    assert.equal(await host.atOnce(() => elsewhere.stat(at("/file"))), 0);
  });
});
