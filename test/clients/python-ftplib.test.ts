/** Python's ftplib: a library that sends what it is told; scripts on standard input. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { content, names, put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { assertNames, assertStored, expectAll, played } from "./expectations.js";
import { type Scene, type SceneOptions, STORES, way } from "./scene.js";
import { putTree } from "./tree.js";

/** The beginning of every script; `a` and `b` are its arguments. */
const PRELUDE = `
import ftplib, sys
host, port, passive, a, b, *_ = sys.argv[1:] + ["", ""]
ftp = ftplib.FTP(timeout=8)
ftp.connect(host, int(port))
ftp.login("test", "secret")
ftp.set_pasv(passive == "passive")
`;

let interpreter: Promise<string> | undefined;

/** The interpreter itself: what version managers put before it takes longer to start than it does. */
function interpreterOf(scene: Scene): Promise<string> {
  const ask = ["-I", "-S", "-c", "import sys; print(sys.executable)"];
  interpreter ??= scene.run("python3", ask).then(({ stdout }) => stdout.trim());
  return interpreter;
}

/** Runs a script of a logged-in `ftp` and gives what it printed. */
async function python(scene: Scene, lines: string, ...args: readonly string[]): Promise<string> {
  const passive = ["PASV", "EPSV"].includes(scene.way.mode) ? "passive" : "active";
  const input = `${PRELUDE}${lines}\nftp.quit()\n`;
  const command = ["-I", "-S", "-", scene.host, String(scene.port), passive, ...args];
  return (await scene.run(await interpreterOf(scene), command, { input })).stdout;
}

const does =
  (lines: string) =>
  async (scene: Scene, ...args: readonly string[]): Promise<void> =>
    void (await python(scene, lines, ...args));

const client: Client = {
  name: "ftplib",
  programs: ["python3"],
  ways: [way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
  list: async (scene, directory) =>
    (await python(scene, `ftp.cwd("/" + a)\nprint(*ftp.nlst(), sep="\\n")`, directory)).split("\n").filter(Boolean),
  download: does(`with open(b, "wb") as file: ftp.retrbinary("RETR " + a, file.write)`),
  upload: does(`with open(a, "rb") as file: ftp.storbinary("STOR " + b, file)`),
  resumeDownload: does(`with open(b, "ab") as file: ftp.retrbinary("RETR " + a, file.write, rest=file.tell())`),
  resumeUpload: async (scene, local, remote) => {
    const { size } = await scene.store.stat(virtualPath(remote));
    const lines = `with open(a, "rb") as file: file.seek(${size}); ftp.storbinary("STOR " + b, file, rest=${size})`;
    await python(scene, lines, local, remote);
  },
  append: does(`with open(a, "rb") as file: ftp.storbinary("APPE " + b, file)`),
  downloadText: does(`with open(b, "w") as file: ftp.retrlines("RETR " + a, lambda line: print(line, file=file))`),
  uploadText: does(`with open(a, "rb") as file: ftp.storlines("STOR " + b, file)`),
  rename: does("ftp.rename(a, b)"),
  remove: does("ftp.delete(a)"),
  makeDirectory: does(`assert ftp.mkd(a) == "/" + a`),
  removeDirectory: does("ftp.rmd(a)"),
  downloadFolder: does(`
for name in ftp.nlst(a):
    with open(b + "/" + name, "wb") as file: ftp.retrbinary("RETR " + a + "/" + name, file.write)`),
  uploadFolder: does(`
import os
for name in os.listdir(a):
    with open(a + "/" + name, "rb") as file: ftp.storbinary("STOR " + b + "/" + name, file)`),
  wrongPassword: does(`ftp.connect(host, int(port)); ftp.login("test", "wrong")`),
};

expectAll(client);

function pythonTest(title: string, work: (scene: Scene) => Promise<void>, options: SceneOptions = {}): void {
  for (const kind of STORES)
    for (const by of [way("PASV"), way("EPRT", "::1")])
      played(client, `${title} (${kind}, ${by.mode})`, by, kind, work, options);
}

/** Uploads, waits by STAT until all has arrived, and resets the data connection. */
const BREAK_OFF = `
import struct, socket
def break_off(command, data):
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(command)
    conn.sendall(data)
    while str(len(data)) not in ftp.sendcmd("STAT"): pass
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    try: ftp.voidresp()
    except ftplib.error_temp as error: assert str(error).startswith("426"), error
    else: raise AssertionError("not refused")`;

describe("ftplib's own", () => {
  pythonTest("nlst, mlsd, dir and retrlines name the same entries", async (scene) => {
    await putTree(scene, "tree");
    const expected = await names(scene.store, "/tree");
    const output = await python(
      scene,
      `
facts = dict(ftp.mlsd("tree", ["type", "size"]))
assert facts["."] == {"type": "cdir"}, facts
assert facts["top.txt"] == {"type": "file", "size": "70000"}, facts
assert facts["sub dir"] == {"type": "dir"}, facts
lines = []
ftp.dir("tree", lines.append)
names = [sorted(ftp.nlst("tree")), sorted(set(facts) - {"."}), sorted(line.split(None, 8)[8] for line in lines)]
print(*("|".join(each) for each in names), sep="\\n")
assert ftp.nlst("tree/*.txt") == ["tree/top.txt"]
assert ftp.nlst("tree/sub dir/d\u00e9eper") == ["e\\u0301 \\"quoted\\" 'name'"]
print(ftp.sendcmd("FEAT"))`,
    );
    const [first, second, third] = output.split("\n").map((line) => line.split("|"));
    assert.deepEqual([first?.sort(), second?.sort(), third?.sort()], [expected, expected, expected]);
    assert.match(output, /^ UTF8$/m);
  });

  pythonTest("pwd, cwd, mkd, size, rename and their errors are understood", async (scene) => {
    await put(scene.store, "/file", "0123456789");
    await python(
      scene,
      `
assert ftp.pwd() == "/"
assert ftp.mkd('a "quoted" one') == '/a "quoted" one'
ftp.cwd('a "quoted" one')
assert ftp.pwd() == '/a "quoted" one', ftp.pwd()
assert ftp.mkd("inner") == '/a "quoted" one/inner'
ftp.cwd("..")
assert ftp.pwd() == "/"
ftp.voidcmd("TYPE I")
assert ftp.size("file") == 10
assert ftp.sendcmd("MDTM file").startswith("213 2")
assert ftp.rename("file", 'a "quoted" one/file').startswith("250")
for attempt in (lambda: ftp.cwd("missing"), lambda: ftp.delete("missing"), lambda: ftp.size("missing"),
                lambda: ftp.rmd('a "quoted" one'), lambda: ftp.nlst("missing"), lambda: ftp.rename("missing", "x")):
    try: attempt()
    except ftplib.error_perm as error: assert str(error).startswith("550"), error
    else: raise AssertionError("not refused")`,
    );
    await assertStored(scene, '/a "quoted" one/file', "0123456789");
  });

  pythonTest("retrlines and storlines carry lines of any end", async (scene) => {
    await put(scene.store, "/lines", "one\n\ntwo\nlast");
    await python(
      scene,
      `
import io
got = []
ftp.retrlines("RETR lines", got.append)
assert got == ["one", "", "two", "last"], got
ftp.storlines("STOR up", io.BytesIO(b"one\\ntwo\\r\\n\\nlast"))`,
    );
    await assertStored(scene, "/up", "one\ntwo\n\nlast\n");
  });

  pythonTest("ntransfercmd knows the size, and abort ends the transfer and not the session", async (scene) => {
    await put(scene.store, "/whole", bytesOf(20_000_000, 2));
    await put(scene.store, "/small", "small");
    await python(
      scene,
      `
ftp.voidcmd("TYPE I")
for times in range(3):
    conn, size = ftp.ntransfercmd("RETR whole")
    # ftplib reads the size out of 150, and would not out of 125.
    assert size == 20000000, size
    assert conn.recv(10)
    assert ftp.abort().startswith("426")
    assert ftp.voidresp().startswith("226")
    conn.close()
got = []
ftp.retrbinary("RETR small", got.append)
assert b"".join(got) == b"small"`,
    );
    assert.deepEqual(
      scene.transfers.map(({ path }) => path),
      ["/small"],
    );
  });

  pythonTest("an upload that breaks off leaves what was there", async (scene) => {
    await put(scene.store, "/file", "old");
    await python(
      scene,
      `
${BREAK_OFF}
break_off("STOR file", b"new" * 100000)`,
    );
    await assertNames(scene, "/", ["file"]);
    await assertStored(scene, "/file", "old");
  });

  pythonTest(
    "an upload that breaks off is finished later where the server keeps what came",
    async (scene) => {
      const whole = bytesOf(400_000, 2);
      await writeFile(scene.local("whole"), whole);
      await python(
        scene,
        `
${BREAK_OFF}
whole = open("whole", "rb")
break_off("STOR file", whole.read(300000))
assert ftp.size("file") == 300000
ftp.storbinary("STOR file", whole, rest=ftp.size("file"))`,
      );
      await assertStored(scene, "/file", whole);
    },
    { server: { partialUploads: "keep" } },
  );

  pythonTest("stores under a name that is not taken", async (scene) => {
    await python(
      scene,
      `import io\nftp.storbinary("STOU", io.BytesIO(b"one"))\nftp.storbinary("STOU", io.BytesIO(b"two"))`,
    );
    const found = await names(scene.store);
    assert.equal(found.length, 2);
    assert.deepEqual((await Promise.all(found.map((name) => content(scene.store, `/${name}`)))).map(String).sort(), [
      "one",
      "two",
    ]);
  });
});
