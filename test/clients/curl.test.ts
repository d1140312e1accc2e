/** curl: URLs in, one transfer or a few raw commands a run. */
import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { names, put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { assertLocal, assertNames, assertStored, expectAll, played } from "./expectations.js";
import { type Scene, type SceneOptions, type SceneRunOptions, STORES, way } from "./scene.js";
import { putTree } from "./tree.js";

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  PASV: ["--disable-epsv"],
  EPSV: [],
  PORT: ["--disable-eprt", "--ftp-port", "-"],
  EPRT: ["--ftp-port", "-"],
};

const PARALLEL = ["--no-globoff", "--parallel", "--parallel-max", "8"];

/** Gives what curl printed. */
async function curl(scene: Scene, ...args: readonly string[]): Promise<string> {
  return curlWith(scene, {}, ...args);
}

/** `--disable`: no file of settings; `--globoff`: brackets in URLs are what they are. */
async function curlWith(scene: Scene, options: SceneRunOptions, ...args: readonly string[]): Promise<string> {
  const own = ["--disable", "--silent", "--show-error", "--globoff", "--user", "test:secret"];
  return (await scene.run("curl", [...own, ...(OPTIONS[scene.way.mode] ?? []), ...args], options)).stdout;
}

/** Raw commands; `--head` keeps curl from listing. */
async function quote(scene: Scene, ...commands: readonly string[]): Promise<void> {
  await curl(scene, ...commands.flatMap((command) => ["--quote", command]), "--head", scene.url(""));
}

function lines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== "");
}

const client: Client = {
  name: "curl",
  programs: ["curl"],
  // Active first: curl sleeps for a second now and then where the reply to EPSV or PASV comes very fast.
  ways: [way("EPRT"), way("EPSV"), way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
  list: async (scene, directory) =>
    lines(await curl(scene, "--list-only", directory === "" ? scene.url("") : `${scene.url(directory)}/`)),
  download: async (scene, remote, local) => void (await curl(scene, "--output", local, scene.url(remote))),
  upload: async (scene, local, remote) => void (await curl(scene, "--upload-file", local, scene.url(remote))),
  resumeDownload: async (scene, remote, local) =>
    void (await curl(scene, "--continue-at", "-", "--output", local, scene.url(remote))),
  resumeUpload: async (scene, local, remote) =>
    void (await curl(scene, "--continue-at", "-", "--upload-file", local, scene.url(remote))),
  append: async (scene, local, remote) =>
    void (await curl(scene, "--append", "--upload-file", local, scene.url(remote))),
  downloadText: async (scene, remote, local) =>
    void (await curl(scene, "--use-ascii", "--output", local, scene.url(remote))),
  uploadText: async (scene, local, remote) =>
    void (await curl(scene, "--use-ascii", "--upload-file", local, scene.url(remote))),
  rename: (scene, from, to) => quote(scene, `RNFR ${from}`, `RNTO ${to}`),
  remove: (scene, path) => quote(scene, `DELE ${path}`),
  makeDirectory: (scene, path) => quote(scene, `MKD ${path}`),
  removeDirectory: (scene, path) => quote(scene, `RMD ${path}`),
  downloadFolder: async (scene, remote, local) => {
    const url = `${scene.url(`${remote}/file `)}[000-499]`;
    await curl(scene, ...PARALLEL, "--output", `${local}/file #1`, url);
  },
  uploadFolder: async (scene, local, remote) => {
    await curl(scene, ...PARALLEL, "--upload-file", `${local}/file [000-499]`, `${scene.url(remote)}/`);
  },
  wrongPassword: async (scene) => void (await curl(scene, "--user", "test:wrong", scene.url("x"))),
};

expectAll(client);

const ACTIVE = way("EPRT");
const WHEN = new Date("2001-02-03T04:05:06Z");

function curlTest(title: string, work: (scene: Scene) => Promise<void>, options: SceneOptions = {}, by = ACTIVE): void {
  for (const kind of STORES) played(client, `${title} (${kind})`, by, kind, work, options);
}

describe("curl's own", () => {
  curlTest("--head shows SIZE and MDTM", async (scene) => {
    await put(scene.store, "/dated", "0123456789");
    await scene.store.setTimes(virtualPath("/dated"), { modified: WHEN });
    assert.deepEqual(lines(await curl(scene, "--head", scene.url("dated"))), [
      "Last-Modified: Sat, 03 Feb 2001 04:05:06 GMT",
      "Content-Length: 10",
      "Accept-ranges: bytes",
    ]);
  });

  curlTest("--remote-time keeps the time", async (scene) => {
    await put(scene.store, "/dated", "x");
    await scene.store.setTimes(virtualPath("/dated"), { modified: WHEN });
    await curl(scene, "--remote-time", "--output", "dated", scene.url("dated"));
    assert.deepEqual((await stat(scene.local("dated"))).mtime, WHEN);
  });

  curlTest("--time-cond moves a file only where it is newer", async (scene) => {
    await put(scene.store, "/dated", "content");
    await scene.store.setTimes(virtualPath("/dated"), { modified: WHEN });
    assert.equal(await curl(scene, "--time-cond", "4 Feb 2001 00:00:00 GMT", scene.url("dated")), "");
    assert.equal(scene.transfers.length, 0);
    assert.equal(await curl(scene, "--time-cond", "2 Feb 2001 00:00:00 GMT", scene.url("dated")), "content");
    assert.equal(scene.transfers.length, 1);
  });

  for (const method of ["multicwd", "nocwd", "singlecwd"])
    curlTest(`--ftp-method ${method} reaches what lies deep`, async (scene) => {
      await putTree(scene, "tree");
      await writeFile(scene.local("up"), "up");
      const by = ["--ftp-method", method];
      assert.equal((await curl(scene, ...by, scene.url("tree/sub dir/one file"))).length > 0, true);
      assert.equal(scene.transfers.at(-1)?.path, "/tree/sub dir/one file");
      await curl(scene, ...by, "--upload-file", "up", scene.url("tree/sub dir/d\u00e9eper/up"));
      await assertStored(scene, "/tree/sub dir/d\u00e9eper/up", "up");
      const listed = lines(await curl(scene, ...by, "--list-only", `${scene.url("tree/sub dir")}/`));
      assert.deepEqual([...listed].sort(), await names(scene.store, "/tree/sub dir"));
      assert.equal(scene.arguments("CWD").length, { multicwd: 7, nocwd: 0, singlecwd: 3 }[method]);
    });

  curlTest("--ftp-create-dirs makes the way for an upload", async (scene) => {
    await writeFile(scene.local("up"), "up");
    await curl(scene, "--ftp-create-dirs", "--upload-file", "up", scene.url("a/b c/d\u00e9/file"));
    await assertStored(scene, "/a/b c/d\u00e9/file", "up");
    assert.deepEqual(scene.arguments("MKD"), ["a", "b c", "d\u00e9"]);
  });

  curlTest("--quote runs commands before, after, and without regard to failures", async (scene) => {
    await put(scene.store, "/file", "content");
    const commands = ["MKD before", "*DELE missing", "-RNFR file", "-RNTO before/file"];
    const output = await curl(scene, ...commands.flatMap((command) => ["--quote", command]), scene.url("file"));
    assert.equal(output, "content");
    await assertNames(scene, "/", ["before"]);
    await assertStored(scene, "/before/file", "content");
    // 21: a quoted command was refused.
    await curlWith(scene, { status: 21 }, "--quote", "DELE missing", scene.url("before/file"));
    assert.equal(scene.transfers.length, 1);
  });

  curlTest(
    "--ftp-skip-pasv-ip connects where the control connection goes, whatever 227 says",
    async (scene) => {
      await put(scene.store, "/file", "content");
      assert.equal(await curl(scene, "--ftp-skip-pasv-ip", scene.url("file")), "content");
      assert.match(scene.replies.find(({ verb }) => verb === "PASV")?.text ?? "", /\(192,0,2,1,/);
    },
    { server: { passive: { address: "192.0.2.1" } } },
    way("PASV"),
  );

  curlTest(
    "--no-ftp-skip-pasv-ip connects where 227 says",
    async (scene) => {
      await put(scene.store, "/file", "content");
      assert.equal(await curl(scene, "--no-ftp-skip-pasv-ip", scene.url("file")), "content");
    },
    {},
    way("PASV"),
  );

  curlTest("--range takes a piece, leaves early, and goes on in the same session", async (scene) => {
    const whole = bytesOf(5_000_000, 9);
    await put(scene.store, "/whole", whole);
    const ranges = { "0-99": [0, 100], "4000000-4000009": [4_000_000, 4_000_010], "-10": [-10, undefined] } as const;
    for (const [range, [start, end]] of Object.entries(ranges)) {
      const args = [
        "--range",
        range,
        "--output",
        "first",
        scene.url("whole"),
        "--output",
        "second",
        scene.url("whole"),
      ];
      await curl(scene, ...args);
      await assertLocal(scene, "first", whole.subarray(start, end));
      await assertLocal(scene, "second", whole.subarray(start, end));
    }
  });

  curlTest("several URLs share one session", async (scene) => {
    await put(scene.store, "/a", "A");
    await put(scene.store, "/b", "B");
    await curl(scene, "--no-globoff", "--output", "#1", `${scene.url("")}{a,b}`);
    await assertLocal(scene, "a", "A");
    await assertLocal(scene, "b", "B");
    assert.equal(scene.arguments("USER").length, 1);
  });

  curlTest("an upload from standard input, of a length that nobody knows", async (scene) => {
    const input = bytesOf(700_000, 4);
    await curlWith(scene, { input }, "--upload-file", "-", scene.url("piped"));
    await assertStored(scene, "/piped", input);
  });

  curlTest(
    "--ftp-account answers 332",
    async (scene) => {
      await put(scene.store, "/file", "content");
      assert.equal(await curl(scene, "--ftp-account", "accounts payable", scene.url("file")), "content");
      assert(scene.replies.some(({ verb, code }) => verb === "ACCT" && code === 230));
    },
    {
      setup: (server) =>
        server.on("login", (login) => {
          if (login.accountInfo === undefined) login.requireAccount();
        }),
    },
  );
});
