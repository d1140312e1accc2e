/** basic-ftp: the client library of npm, in this process; passive only. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { Readable, Writable } from "node:stream";
import { describe } from "node:test";
import { Client as BasicClient } from "basic-ftp";
import { virtualPath } from "../../dist/index.js";
import { put, putDirectory } from "../kit/store.js";
import { bytesOf, chunksOf, within } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { assertNames, assertStored, expectAll, played } from "./expectations.js";
import { type Scene, STORES, way } from "./scene.js";
import { assertLocalTree, putTree } from "./tree.js";

/** Lets a logged-in client work, not for ever. */
async function connected<Result>(scene: Scene, work: (ftp: BasicClient) => Promise<Result>): Promise<Result> {
  const ftp = new BasicClient(8000);
  try {
    const access = { host: scene.host, port: scene.port, user: "test", password: "secret" };
    return await within(
      ftp.access(access).then(() => work(ftp)),
      "basic-ftp",
    );
  } finally {
    ftp.close();
  }
}

const does =
  (work: (ftp: BasicClient, scene: Scene, from: string, to: string) => Promise<unknown>) =>
  async (scene: Scene, from: string, to = ""): Promise<void> =>
    void (await connected(scene, (ftp) => work(ftp, scene, from, to)));

const client: Client = {
  name: "basic-ftp",
  programs: [],
  ways: [way("EPSV"), { ...way("PASV"), refused: "EPSV" }, way("EPSV", "::1")],
  list: (scene, directory) => connected(scene, async (ftp) => (await ftp.list(directory)).map(({ name }) => name)),
  download: does((ftp, scene, remote, local) => ftp.downloadTo(scene.local(local), remote)),
  upload: does((ftp, scene, local, remote) => ftp.uploadFrom(scene.local(local), remote)),
  resumeDownload: async (scene, remote, local) => {
    const size = await scene.localSize(local);
    await connected(scene, (ftp) => ftp.downloadTo(scene.local(local), remote, size));
  },
  resumeUpload: async (scene, local, remote) => {
    const { size } = await scene.store.stat(virtualPath(remote));
    await connected(scene, (ftp) => ftp.appendFrom(scene.local(local), remote, { localStart: size }));
  },
  append: does((ftp, scene, local, remote) => ftp.appendFrom(scene.local(local), remote)),
  rename: does((ftp, _scene, from, to) => ftp.rename(from, to)),
  remove: does((ftp, _scene, path) => ftp.remove(path)),
  makeDirectory: does((ftp, _scene, path) => ftp.send(`MKD ${path}`)),
  removeDirectory: does((ftp, _scene, path) => ftp.removeEmptyDir(path)),
  downloadFolder: does((ftp, scene, remote, local) => ftp.downloadToDir(scene.local(local), remote)),
  uploadFolder: does((ftp, scene, local, remote) => ftp.uploadFromDir(scene.local(local), remote)),
  downloadTree: does((ftp, scene, remote, local) => ftp.downloadToDir(scene.local(local), remote)),
  uploadTree: does((ftp, scene, local, remote) => ftp.uploadFromDir(scene.local(local), remote)),
  wrongPassword: async (scene) => {
    const ftp = new BasicClient(8000);
    try {
      await ftp.access({ host: scene.host, port: scene.port, user: "test", password: "wrong" });
    } finally {
      ftp.close();
    }
  },
};

expectAll(client);

function basicTest(title: string, work: (scene: Scene) => Promise<void>): void {
  for (const kind of STORES) played(client, `${title} (${kind})`, way("EPSV"), kind, work);
}

describe("basic-ftp's own", () => {
  basicTest("lists by MLSD and by LIST, with types, sizes and times", async (scene) => {
    const modified = new Date("2001-02-03T04:05:06Z");
    await put(scene.store, "/file", "0123456789");
    await putDirectory(scene.store, "/directory");
    await scene.store.setTimes(virtualPath("/file"), { modified });
    await scene.store.setMode(virtualPath("/file"), 0o640);
    await connected(scene, async (ftp) => {
      for (const command of ["MLSD", "LIST -a", "LIST"]) {
        ftp.availableListCommands = [command];
        const [directory, file] = (await ftp.list()).sort((one, other) => one.name.localeCompare(other.name));
        assert.deepEqual([directory?.name, directory?.isDirectory], ["directory", true], command);
        assert.deepEqual([file?.name, file?.isFile, file?.size], ["file", true, 10], command);
        assert.deepEqual(file?.permissions, { user: 6, group: 4, world: 0 }, command);
        if (command === "MLSD") assert.deepEqual(file?.modifiedAt, modified);
        else assert.equal(file?.rawModifiedAt, "Feb 03 2001");
      }
      assert.deepEqual(await ftp.lastMod("file"), modified);
      assert.equal(await ftp.size("file"), 10);
    });
  });

  basicTest("ensureDir makes the way, cd, cdup and pwd walk it", async (scene) => {
    await connected(scene, async (ftp) => {
      await ftp.ensureDir("a/b c/d\u00e9");
      assert.equal(await ftp.pwd(), "/a/b c/d\u00e9");
      await ftp.cdup();
      await ftp.ensureDir("d\u00e9/-e");
      await ftp.cd("/a");
      assert.equal(await ftp.pwd(), "/a");
      await assert.rejects(ftp.cd("missing"), { code: 550 });
    });
    await assertNames(scene, "/a/b c/d\u00e9", ["-e"]);
  });

  basicTest("clearWorkingDir and removeDir remove a tree", async (scene) => {
    await putTree(scene, "tree");
    await putTree(scene, "other");
    await connected(scene, async (ftp) => {
      await ftp.cd("tree");
      await ftp.clearWorkingDir();
      await assertNames(scene, "/tree", []);
      await ftp.removeDir("/other");
      await assertNames(scene, "/", ["tree"]);
    });
  });

  basicTest("trackProgress counts the bytes of many transfers in one session", async (scene) => {
    await putTree(scene, "tree");
    const seen: string[] = [];
    await connected(scene, async (ftp) => {
      ftp.trackProgress(({ type, name, bytesOverall }) => {
        assert(bytesOverall >= 0 && ["download", "list"].includes(type));
        if (type === "download" && !seen.includes(name)) seen.push(name);
      });
      await ftp.downloadToDir(scene.local("down"), "tree");
      ftp.trackProgress();
    });
    await assertLocalTree(scene, "down");
    assert(seen.includes("top.txt"), seen.join());
    assert.equal(scene.arguments("USER").length, 1);
  });

  basicTest("streams in and out, from the middle too", async (scene) => {
    const whole = bytesOf(3_000_000, 12);
    await connected(scene, async (ftp) => {
      await ftp.uploadFrom(Readable.from(chunksOf(whole, 77_777)), "streamed");
      await assertStored(scene, "/streamed", whole);
      const chunks: Buffer[] = [];
      const sink = new Writable({
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk);
          setImmediate(done);
        },
      });
      await ftp.downloadTo(sink, "streamed", 1_000_000);
      assert(whole.subarray(1_000_000).equals(Buffer.concat(chunks)), "from the middle");
      await writeFile(scene.local("local"), whole);
      await ftp.uploadFrom(scene.local("local"), "part", { localStart: 10, localEndInclusive: 19 });
      await ftp.appendFrom(scene.local("local"), "part", { localStart: 20, localEndInclusive: 29 });
      await assertStored(scene, "/part", whole.subarray(10, 30));
    });
  });

  basicTest("features, and raw commands that are refused, leave the session in order", async (scene) => {
    await connected(scene, async (ftp) => {
      const features = await ftp.features();
      for (const name of ["EPSV", "MDTM", "MLST", "REST", "SIZE", "UTF8"]) assert(features.has(name), name);
      assert.equal((await ftp.sendIgnoringError("CWD missing")).code, 550);
      await assert.rejects(ftp.downloadTo(scene.local("missing"), "missing"), { code: 550 });
      await assert.rejects(ftp.uploadFrom(Readable.from([]), "missing/file"), { code: 553 });
      await ftp.uploadFrom(Readable.from([]), "file");
    });
    await assertStored(scene, "/file", "");
  });
});
