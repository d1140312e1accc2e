/** How sessions and transfers end when the host, the client or the store do something else at the same time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  defineCommand,
  type FileInfo,
  FileSystemWrapper,
  MemoryFileSystem,
  reply,
  type VirtualPath,
  type WriteHandle,
  type WriteOptions,
} from "../../dist/index.js";
import { begin, download, offer, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { serve } from "../kit/serve.js";
import { content, exists, put, putDirectory } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";

/** The first commit is slow. */
class SlowFirstCommit extends FileSystemWrapper {
  #first = true;

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    const slow = this.#first;
    this.#first = false;
    const commit = async (): Promise<FileInfo> => {
      if (slow) await new Promise((resolve) => setTimeout(resolve, 2500));
      return handle.commit();
    };
    return {
      offset: handle.offset,
      write: (chunks) => handle.write(chunks),
      commit,
      abort: (reason) => handle.abort(reason),
      [Symbol.asyncDispose]: () => handle.abort(),
    };
  }
}

describe("the last reply", () => {
  for (const [line, codes] of [
    ["FOO", [500, 421]],
    ["QUIT", [221]],
  ] as const)
    test(`a listener of reply that closes the session adds nothing behind it: ${line}`, async () => {
      await using served = await serve({}, (server) =>
        server.on("reply", ({ code, session }) => {
          if (code >= 400 || code === 221) session.close();
        }),
      );
      const client = await served.user();
      client.send(`${line}\r\n`);
      for (const code of codes) await client.expectReply(code);
      await client.expectClosed();
    });

  test("what a question still asks is not done once the session is closed", async () => {
    const gate = new Gate();
    await using served = await serve({}, (server) => server.on("dele", () => gate.pass()));
    await put(served.fileSystem, "/f", "x");
    const client = await served.user();
    client.send("DELE f\r\n");
    await gate.reached;
    served.server.sessions[0]?.close("kicked");
    await client.expectReply(421);
    gate.open();
    await until(() => served.server.sessions.length === 0);
    assert.equal(await exists(served.fileSystem, "/f"), true);
  });
});

describe("partialUploads: keep", () => {
  test("a part that is slow to commit never replaces the upload behind it", async () => {
    const inner = new MemoryFileSystem();
    await using served = await serve({ fileSystem: new SlowFirstCommit(inner), partialUploads: "keep" });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR z", offered);
    socket.write("part");
    await until(() => (served.server.sessions[0]?.transfer?.bytes ?? 0) === 4);
    await client.expect("ABOR", 426);
    await client.expectReply(226);
    await upload(client, "STOR z", Buffer.from("the whole upload"), "EPSV");
    assert.equal(String(await content(inner, "/z")), "the whole upload");
  });
});

describe("a client that half-closes its data connection", () => {
  test("and reads late gets all of it, and 226", async () => {
    const bytes = bytesOf(24_173_824);
    await using served = await serve({
      stallTimeout: 4000,
      fileSystem: new MemoryFileSystem({ files: { "/f": bytes } }),
    });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    socket.pause();
    socket.end();
    await client.expect("NOOP", 200);
    let received = 0;
    socket.on("data", (chunk: Uint8Array) => (received += chunk.length)).resume();
    await client.expectReply(226);
    await until(() => received === bytes.length);
  });
});

describe("filters and secrets", () => {
  test("a filter hides what is named, and never the place where the client is", async () => {
    await using served = await serve({}, (server) =>
      server.on("list", (question) => question.filter((entry) => entry.type === "file")),
    );
    await putDirectory(served.fileSystem, "/pub");
    await put(served.fileSystem, "/pub/f", "x");
    const client = await served.user();
    await client.expect("MLST /pub", 550);
    await client.expect("CWD pub", 250);
    await client.expect("MLST", 250);
    for (const command of ["LIST", "LIST .", "LIST /pub", "MLSD /pub"]) {
      const { bytes } = await download(client, command, "EPSV");
      assert.match(String(bytes), / f\r\n/, command);
    }
  });

  test("S16.2 the argument of a secret SITE command is told to nobody, misspelt neither", async () => {
    const told: unknown[] = [];
    const pin = defineCommand({
      verb: "PIN",
      source: "this host",
      summary: "check a number",
      argument: { syntax: "<SP> number", parse: (text) => (text === undefined ? undefined : { value: text }) },
      replies: [200],
      secret: true,
      run: () => reply(200, "Checked"),
    });
    await using served = await serve({ siteCommands: [pin] }, (server) => {
      server.on("command", ({ argument }) => told.push(argument));
      server.on("site", ({ argument }) => told.push(argument));
      server.on("reply", ({ argument }) => told.push(argument));
    });
    const client = await served.user();
    await client.expect("SITE PIN 1234", 200);
    for (const line of ["SITE  PIN 1234", "SITE PIN\t1234", "SITE PINN 1234"]) await client.expect(line, 504);
    assert.ok(!told.some((argument) => String(argument).includes("1234")), JSON.stringify(told));
  });
});
