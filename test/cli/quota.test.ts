/** --quota: what the files hold together, with what was there before, and what clients are told beyond it. */
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { bounded } from "../../dist/cli/store.js";
import {
  type FileInfo,
  FileSystemError,
  FileSystemWrapper,
  MemoryFileSystem,
  type VirtualPath,
} from "../../dist/index.js";
import { begin, offer, upload } from "../kit/data.js";
import { run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { type Listening, MAIN, start } from "./started.js";

async function user(program: Listening): Promise<ScriptedClient> {
  const session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
  await session.expect("TYPE I", 200);
  return session;
}

class Unreadable extends FileSystemWrapper {
  override list(path: VirtualPath): AsyncIterable<FileInfo> {
    throw new FileSystemError("EIO", path, { message: "the disk is gone" });
  }
}

/** An upload that must not fit. */
async function assertFull(session: ScriptedClient, command: string, content: string): Promise<void> {
  await using offered = await offer(session, "EPSV");
  const [, socket] = await begin(session, command, offered);
  socket.on("error", () => undefined).end(content);
  await session.expectReply(552);
}

suite("--quota", () => {
  test("552 beyond it: files that were there count, for all users, and what is deleted makes room", async () => {
    await using folder = await temporaryDirectory();
    await mkdir(join(folder.path, "deep/er"), { recursive: true });
    await writeFile(join(folder.path, "deep/er/old"), "1234567890");
    await using program = await start(folder.path, "--quota", "15", "--user=anna:one", "--user=bob:two");
    await using anna = await user(program);
    await using bob = await (await ScriptedClient.connect(program.port)).login("bob", "two");
    await assertFull(anna, "STOR a", "123456");
    await upload(anna, "STOR a", "12345");
    await assertFull(bob, "STOR b", "1");
    await anna.expect("DELE deep/er/old", 250);
    await upload(bob, "STOR b", "1234567890");
    await assertFull(anna, "APPE a", "6");
    assert.deepEqual((await readdir(folder.path)).sort(), ["a", "b", "deep"]);
    await program.stop();
  });

  test("what cannot be counted is said before it listens", async () => {
    const store = { fileSystem: new Unreadable(new MemoryFileSystem()), title: "", folder: undefined };
    await assert.rejects(bounded(store, 1), /^Error: --quota: what is there cannot be counted: .*the disk is gone/);
  });

  test("with --workers it is refused", async () => {
    const { code, stderr } = await run(process.execPath, [MAIN, "--quota=1", "--workers=2"]);
    assert.equal(code, 2);
    assert.match(stderr, /^portside: --quota is counted in one process, and --workers are several/);
  });
});
