/** Transfers that go wrong, and what stays of them (RFC 959 §4.1.3 and §5.4, RFC 3659 §5). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FileSystemError, readOnly, virtualPath } from "../../dist/index.js";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { orHandshake } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { content, exists, names, put, putDirectory } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { type Step, WatchedStore } from "../kit/watched-store.js";

/** A store that fails with `code` at a moment of its operations on `/f`. */
function failing(
  moment: Step["moment"],
  code: ConstructorParameters<typeof FileSystemError>[0] | "foreign",
  index = 0,
) {
  return new WatchedStore({
    before: (step) => {
      if (step.moment !== moment || step.index !== index || step.path !== "/f") return;
      if (code === "foreign") throw new Error("secret /srv/host/path EIO");
      throw new FileSystemError(code, virtualPath("/f"));
    },
  });
}

describe("RETR", () => {
  for (const name of ["missing", "directory", "directory/", "directory/missing", "f/child", "."])
    test(`of ${JSON.stringify(name)}: 550 without 150`, async () => {
      await using served = await serve();
      await put(served.fileSystem, "/f", "content");
      await putDirectory(served.fileSystem, "/directory");
      const client = await served.user();
      await using _ = await offer(client, "EPSV");
      await client.expect(`RETR ${name}`, 550);
      await client.assertQuiet();
    });

  for (const leave of ["destroy", "reset"] as const)
    test(`S12.8 the client closes the data connection midway (${leave}): 426`, async () => {
      const store = new WatchedStore();
      await using served = await serve({ fileSystem: store });
      await put(store.inner, "/f", bytesOf(20_000_000));
      const client = await served.user();
      await client.expect("TYPE I", 200);
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "RETR f", offered);
      socket.once("data", () => (leave === "reset" ? reset(socket) : socket.destroy()));
      await client.expectReply(426);
      await client.assertQuiet();
      await until(() => store.open === 0, 2000, "the file is closed");
    });

  test("the store refuses to open: 550 without 150, and the client reads nothing of the error", async () => {
    await using served = await serve({ fileSystem: failing("openRead", "EACCES") });
    await put((served.fileSystem as WatchedStore).inner, "/f", "x");
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    await client.expect("RETR f", 550);
    await client.assertQuiet();
  });

  for (const code of ["EIO", "foreign"] as const)
    test(`S16.4 the store fails midway (${code}): 451, and nothing of its message`, async () => {
      const store = failing("read", code, 2);
      const errors: unknown[] = [];
      await using served = await serve({ fileSystem: store }, (server) =>
        server.on("error", ({ error }) => errors.push(error)),
      );
      await put(store.inner, "/f", bytesOf(400_000));
      const client = await served.user();
      await client.expect("TYPE I", 200);
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "RETR f", offered);
      await collect(socket).catch(() => undefined);
      const refusal = await client.expectReply(451);
      assert(!/secret|srv|EIO/.test(refusal.raw.toString()), refusal.text);
      assert.equal(errors.length, 1, "the host hears of it, once");
      await client.assertQuiet();
    });

  test("a failed download is never followed by an orderly end that looks like the whole file", async () => {
    const store = failing("read", "EIO", 2);
    await using served = await serve({ fileSystem: store });
    await put(store.inner, "/f", bytesOf(400_000));
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    await collect(socket).catch(() => undefined);
    assert.equal((await client.reply()).code, 451);
  });
});

describe("STOR", () => {
  test("an upload is not visible before 226, and replaces the old file whole", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "old");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.write("new, half");
    assert.equal((await download(await served.user(), "RETR f")).bytes.toString(), "old");
    socket.end(" and whole");
    await client.expectReply(226);
    assert.equal((await content(served.fileSystem, "/f")).toString(), "new, half and whole");
  });

  test("the data connection is reset: 426, nothing new, the old file stands", async () => {
    for (const name of ["f", "g"]) {
      const store = new WatchedStore();
      await using served = await serve({ fileSystem: store });
      await put(store.inner, "/f", "old");
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, `STOR ${name}`, offered);
      socket.write("half");
      await until(() => store.count("write") > 0);
      reset(socket);
      await client.expectReply(426);
      assert.deepEqual(await names(store.inner), ["f"]);
      assert.equal((await content(store.inner, "/f")).toString(), "old");
      await until(() => store.open === 0, 2000, "the upload is given back");
    }
  });

  test("a reset right behind the last bytes is no end of file: never 226, nothing is stored", async () => {
    await using served = await serve();
    const client = await served.user();
    for (let round = 0; round < 20; round++) {
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      socket.write("half");
      reset(socket);
      await client.expectReply(...orHandshake(425, 426));
      assert(!(await exists(served.fileSystem, "/f")));
    }
  });

  test("the client never connects: 425 and no file", async () => {
    await using served = await serve({ dataTimeout: 100 });
    const client = await served.user();
    await client.expect("EPSV", 229);
    await client.expect("STOR f", 150);
    await client.expectReply(425);
    assert(!(await exists(served.fileSystem, "/f")));
    await client.assertQuiet();
  });

  test("the client connects and closes: an empty file and 226", async () => {
    await using served = await serve();
    const client = await served.user();
    await upload(client, "STOR f", "");
    assert.equal((await content(served.fileSystem, "/f")).length, 0);
  });

  test("where it cannot go it is refused before 150", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "x");
    await putDirectory(served.fileSystem, "/directory");
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    for (const name of ["directory", "missing/child", "f/child", "/", ".."])
      await client.expect(`STOR ${name}`, 550, 553);
    await client.assertQuiet();
    assert.deepEqual(await names(served.fileSystem), ["directory", "f"]);
  });

  for (const [code, before] of [
    ["EACCES", [550, 553]],
    ["ENOSPC", [452]],
    ["EDQUOT", [552]],
    ["EBUSY", [450]],
    ["EIO", [451]],
  ] as const)
    test(`the store refuses with ${code}: ${before.join(" or ")}`, async () => {
      await using served = await serve({ fileSystem: failing("openWrite", code) });
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      client.send("STOR f\r\n");
      const first = await client.reply();
      if (first.code !== 150) assert(before.includes(first.code as never), String(first.code));
      else {
        (await offered.connect()).on("error", () => undefined).end();
        await client.expectReply(
          ...before.map((allowed) => (allowed === 452 || allowed === 450 || allowed === 553 ? 451 : allowed)),
          552,
        );
      }
      await client.assertQuiet();
    });

  for (const moment of ["write", "commit"] as const)
    for (const [code, after] of [
      ["ENOSPC", [552, 451, 452]],
      ["EDQUOT", [552]],
      ["EIO", [451]],
      ["foreign", [451]],
    ] as const)
      test(`the store fails at ${moment} with ${code}: ${after.join(" or ")}, never 226`, async () => {
        const store = failing(moment, code);
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, "STOR f", offered);
        socket.on("error", () => undefined).end("content");
        socket.resume();
        await client.expectReply(...after);
        await client.assertQuiet();
        assert.deepEqual(await names(store.inner), []);
        await until(() => store.open === 0, 2000, "the upload is given back");
      });

  test("a store that cannot be written refuses before 150", async () => {
    await using served = await serve({}, (server) =>
      server.on("login", (login) => login.accept({ fileSystem: readOnly(new WatchedStore()) })),
    );
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    for (const command of ["STOR f", "APPE f", "STOU"]) await client.expect(command, 550, 553);
    for (const command of ["MKD d", "RMD d", "DELE f"]) await client.expect(command, 550);
    await client.assertQuiet();
  });
});

describe("APPE and STOU", () => {
  test("an interrupted APPE leaves the old file as it was", async () => {
    const store = new WatchedStore();
    await using served = await serve({ fileSystem: store });
    await put(store.inner, "/f", "old");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "APPE f", offered);
    socket.write("half");
    await until(() => store.count("write") > 0);
    reset(socket);
    await client.expectReply(426);
    assert.equal((await content(store.inner, "/f")).toString(), "old");
  });

  test("STOU never takes a name that is there, also with a wish as argument", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/wish", "old");
    const client = await served.user();
    const [preliminary] = (await upload(client, "STOU wish", "new")).replies;
    const name = /^FILE: (\S+)$/.exec(preliminary.text)?.[1];
    assert(name !== undefined && name !== "wish", preliminary.text);
    assert.equal((await content(served.fileSystem, "/wish")).toString(), "old");
    assert.equal((await content(served.fileSystem, `/${name}`)).toString(), "new");
  });

  test("STOU stores in the working directory", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/in");
    const client = await served.user();
    await client.expect("CWD in", 250);
    await upload(client, "STOU", "x");
    assert.equal((await names(served.fileSystem, "/in")).length, 1);
  });
});

test("S12.13 two uploads of one name at a time: one of them wins completely", async () => {
  await using served = await serve();
  const [a, b] = [await served.user(), await served.user()];
  await using offerA = await offer(a, "EPSV");
  await using offerB = await offer(b, "EPSV");
  const [, socketA] = await begin(a, "STOR f", offerA);
  b.send("STOR f\r\n");
  const socketB = await offerB.connect();
  const [text1, text2] = ["a".repeat(100_000), "b".repeat(70_000)];
  socketA.end(text1);
  socketB.on("error", () => undefined).end(text2);
  await a.expectReply(226);
  await b.expectReply(150, 125, 450);
  const stored = (await content(served.fileSystem, "/f")).toString();
  assert(stored === text1 || stored === text2, "a mixture");
});
