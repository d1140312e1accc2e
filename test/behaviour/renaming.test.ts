/** RNFR and RNTO, DELE, MKD, RMD and CWD: what they change and what they refuse (RFC 959 §4.1.3, §5.4 and Appendix II). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serve } from "../kit/serve.js";
import { content, exists, names, put, putDirectory } from "../kit/store.js";

describe("RNFR and RNTO", () => {
  test("350, 250, and the file has moved", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/a", "content");
    await putDirectory(served.fileSystem, "/d");
    const client = await served.user();
    await client.expect("RNFR a", 350);
    await client.expect("RNTO d/b", 250);
    assert.deepEqual(await names(served.fileSystem), ["d"]);
    assert.equal((await content(served.fileSystem, "/d/b")).toString(), "content");
  });

  test("a directory moves with what is in it", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    await put(served.fileSystem, "/d/f", "x");
    const client = await served.user();
    await client.expect("RNFR d", 350);
    await client.expect("RNTO e", 250);
    assert(await exists(served.fileSystem, "/e/f"));
    assert(!(await exists(served.fileSystem, "/d")));
  });

  test("RNTO alone: 503", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("RNTO b", 503);
  });

  test("RNFR of what is missing: 550, and RNTO after it: 503", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/a", "");
    const client = await served.user();
    await client.expect("RNFR missing", 550);
    await client.expect("RNTO b", 503);
    await client.expect("RNFR a", 350);
    await client.expect("RNFR missing", 550);
    await client.expect("RNTO b", 503);
    assert.deepEqual(await names(served.fileSystem), ["a"]);
  });

  test("RNFR twice: the second counts", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/a", "");
    await put(served.fileSystem, "/b", "");
    const client = await served.user();
    await client.expect("RNFR a", 350);
    await client.expect("RNFR b", 350);
    await client.expect("RNTO c", 250);
    assert.deepEqual(await names(served.fileSystem), ["a", "c"]);
  });

  test("RNTO without a name: 501; RNTO is used up by success and by failure", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/a", "");
    await put(served.fileSystem, "/taken", "");
    const client = await served.user();
    await client.expect("RNFR a", 350);
    await client.expect("RNTO", 501);
    await client.expect("RNFR a", 350);
    await client.expect("RNTO taken", 550, 553);
    await client.expect("RNTO b", 503);
    await client.expect("RNFR a", 350);
    await client.expect("RNTO b", 250);
    await client.expect("RNTO c", 503);
  });

  test("an existing file is not replaced: 553, both stand", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/a", "a");
    await put(served.fileSystem, "/b", "b");
    const client = await served.user();
    await client.expect("RNFR a", 350);
    await client.expect("RNTO b", 553);
    assert.equal((await content(served.fileSystem, "/b")).toString(), "b");
    assert.equal((await content(served.fileSystem, "/a")).toString(), "a");
  });

  test("overwriteOnRename: true replaces it", async () => {
    await using served = await serve({ overwriteOnRename: true });
    await put(served.fileSystem, "/a", "a");
    await put(served.fileSystem, "/b", "b");
    const client = await served.user();
    await client.expect("RNFR a", 350);
    await client.expect("RNTO b", 250);
    assert.equal((await content(served.fileSystem, "/b")).toString(), "a");
    assert.deepEqual(await names(served.fileSystem), ["b"]);
  });

  test("S14.2 a directory into itself, the root, and into nowhere: refused, the tree is intact", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    await put(served.fileSystem, "/d/f", "x");
    const client = await served.user();
    for (const target of ["d/e", "d/f/g", "missing/e", "/"]) {
      await client.expect("RNFR d", 350);
      await client.expect(`RNTO ${target}`, 550, 553);
    }
    await client.expect("RNFR /", 550, 553);
    await client.expect("RNTO x", 503);
    assert.deepEqual(await names(served.fileSystem), ["d"]);
    assert.deepEqual(await names(served.fileSystem, "/d"), ["f"]);
  });
});

describe("DELE", () => {
  test("250 for a file; 550 for what is missing and for a directory", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    await putDirectory(served.fileSystem, "/d");
    const client = await served.user();
    await client.expect("DELE f", 250);
    await client.expect("DELE f", 550);
    await client.expect("DELE d", 550);
    await client.expect("DELE /", 550);
    assert.deepEqual(await names(served.fileSystem), ["d"]);
  });

  test("no wildcards (RFC 3659 §2.2.2)", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const client = await served.user();
    await client.expect("DELE *", 550);
    assert.deepEqual(await names(served.fileSystem), ["f"]);
  });
});

describe("MKD and RMD", () => {
  test("MKD answers with the absolute path in quotes, which CWD takes (RFC 959 Appendix II)", async () => {
    await using served = await serve();
    const client = await served.user();
    assert.match((await client.expect("MKD a", 257)).text, /^"\/a"( |$)/);
    await client.expect("CWD a", 250);
    assert.match((await client.expect("MKD b c", 257)).text, /^"\/a\/b c"( |$)/);
    await client.expect("CWD /a/b c", 250);
  });

  for (const name of [
    'a"b',
    '"',
    '""',
    'a" is created',
    " x",
    "x ",
    "-x",
    "ä",
    "日本",
    "~",
    "a\\b",
    "*",
    "[x]",
    "226 x",
    "250-",
  ])
    test(`S2.8 the name ${JSON.stringify(name)} survives MKD, CWD, PWD and RMD`, async () => {
      await using served = await serve();
      const client = await served.user();
      const made = await client.expect(`MKD ${name}`, 257);
      assert.equal(quoted(made.text), `/${name}`);
      await client.expect(`CWD ${name}`, 250);
      assert.equal(quoted((await client.expect("PWD", 257)).text), `/${name}`);
      await client.expect("CDUP", 250);
      assert.deepEqual(await names(served.fileSystem), [name]);
      await client.expect(`RMD ${name}`, 250);
      assert.deepEqual(await names(served.fileSystem), []);
    });

  test("S1.17 names of 255 bytes live, too long paths and too deep ones are refused", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of ["n".repeat(255), "ä".repeat(127), "日".repeat(85)]) {
      await client.expect(`MKD ${name}`, 257);
      await client.expect(`RMD ${name}`, 250);
    }
    for (const name of ["x/".repeat(200), "n".repeat(5000)]) {
      await client.expect(`MKD ${name}`, 501, 550, 553);
      await client.expect(`CWD ${name}`, 501, 550, 553);
    }
    assert.deepEqual(await names(served.fileSystem), []);
  });

  test("MKD of what is there, and in nowhere: 550", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const client = await served.user();
    await client.expect("MKD d", 257);
    for (const name of ["d", "f", "missing/d", "f/d", "/", "."]) await client.expect(`MKD ${name}`, 550);
  });

  test("RMD: 250 when empty; 550 when not, when missing, for a file and for the root", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    await putDirectory(served.fileSystem, "/d");
    await put(served.fileSystem, "/d/f", "");
    const client = await served.user();
    for (const name of ["d", "missing", "f", "/", "."]) await client.expect(`RMD ${name}`, 550);
    await client.expect("DELE d/f", 250);
    await client.expect("RMD d", 250);
    assert.deepEqual(await names(served.fileSystem), ["f"]);
  });

  test("S1.16 the working directory may go; what follows is sane", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    const { code } = await client.expect("RMD /d", 250, 550);
    const path = quoted((await client.expect("PWD", 257)).text);
    await client.expect(`CWD ${path}`, 250);
    assert.deepEqual(await names(served.fileSystem), code === 250 ? [] : ["d"]);
  });
});

describe("CWD and CDUP", () => {
  test("250 into a directory; 550 for a file and for what is missing, and nothing changes", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    await put(served.fileSystem, "/d/f", "");
    const client = await served.user();
    await client.expect("CWD d", 250);
    for (const name of ["f", "missing", "/missing"]) await client.expect(`CWD ${name}`, 550);
    assert.equal(quoted((await client.expect("PWD", 257)).text), "/d");
  });

  test("CDUP: 250, also at the root, which stays the root", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    const client = await served.user();
    await client.expect("CWD d", 250);
    for (let round = 0; round < 3; round++) {
      await client.expect("CDUP", 250);
      assert.equal(quoted((await client.expect("PWD", 257)).text), "/");
    }
  });

  test("TVFS: //, ., .. and a / at the end (RFC 3659 §6)", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    await putDirectory(served.fileSystem, "/d/e");
    const client = await served.user();
    for (const [name, path] of [
      ["//d//e/", "/d/e"],
      ["./../../..", "/"],
      ["d/./e/..", "/d"],
      [".", "/d"],
      ["e/", "/d/e"],
      ["/", "/"],
    ]) {
      await client.expect(`CWD ${name}`, 250);
      assert.equal(quoted((await client.expect("PWD", 257)).text), path);
    }
  });

  test("the X-forms do the same (RFC 1123 §4.1.3.1)", async () => {
    await using served = await serve();
    const client = await served.user();
    assert.equal(quoted((await client.expect("XMKD d", 257)).text), "/d");
    await client.expect("XCWD d", 250);
    assert.equal(quoted((await client.expect("XPWD", 257)).text), "/d");
    await client.expect("XCUP", 250);
    await client.expect("XRMD d", 250);
    assert.deepEqual(await names(served.fileSystem), []);
  });
});

/** The path of a 257 as RFC 959 Appendix II has clients read it. */
function quoted(text: string): string | undefined {
  return /^"((?:[^"]|"")*)"/.exec(text)?.[1]?.replaceAll('""', '"');
}
