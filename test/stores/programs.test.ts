/** Real clients and real stores, with the server and an adapter between them: files of all sizes, resumed, renamed, removed. */
import assert from "node:assert/strict";
import { suite } from "node:test";
import { put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import { backends } from "./backends.js";
import { type Stage, stageTest } from "./stage.js";

const LARGE = bytesOf(12 * 1024 ** 2, 3);
const SIZES = { empty: Buffer.alloc(0), one: Buffer.from([255]), large: LARGE };
/** In the middle of the second part. */
const MIDDLE = 7_654_321;

/** Names that break clients, servers or addresses of stores. */
const NAMES: Readonly<Record<string, string>> = {
  spaces: " two  words ",
  "signs of URLs": "100%25#1&a=b:c@d+e;type=a?x=%2F..%2f",
  quotes: `a "double" and 'single' one`,
  patterns: "[a]{b,c}*?.txt",
  accents: "\u00e9t\u00e9 \u00c5ngstr\u00f6m".normalize("NFC"),
  "accents apart": "\u00e9t\u00e9 \u00c5ngstr\u00f6m".normalize("NFD"),
  "other scripts": "\u{1f986} \u05e9\u05dc\u05d5\u05dd \u6587\u4ef6.txt",
  "a leading dash": "-rf",
};

for (const backend of await backends())
  suite(backend.name, { concurrency: 2 }, () => {
    for (const [title, bytes] of Object.entries(SIZES)) {
      stageTest(backend, `curl moves ${bytes.length} bytes there and back`, async (stage) => {
        await stage.give("up", bytes);
        await stage.curl("--upload-file", "up", stage.url(title));
        await stage.assertKeys(title);
        await stage.assertStored(`/${title}`, bytes);
        await stage.curl("--output", "down", stage.url(title));
        await stage.assertTaken("down", bytes);
      });

      stageTest(backend, `lftp moves ${bytes.length} bytes there and back`, async (stage) => {
        await stage.give("up", bytes);
        await stage.lftp(`put up -o ${title}`, `get ${title} -o down`);
        await stage.assertKeys(title);
        await stage.assertStored(`/${title}`, bytes);
        await stage.assertTaken("down", bytes);
      });
    }

    stageTest(backend, "downloads go on where they stopped", async (stage) => {
      await put(stage.opened.files, "/large", LARGE);
      await stage.give("curl", LARGE.subarray(0, MIDDLE));
      await stage.curl("--continue-at", "-", "--output", "curl", stage.url("large"));
      await stage.assertTaken("curl", LARGE);
      await stage.give("lftp", LARGE.subarray(0, MIDDLE));
      await stage.lftp("reget large -o lftp");
      await stage.assertTaken("lftp", LARGE);
    });

    for (const end of [1000, MIDDLE]) {
      stageTest(backend, `uploads go on behind ${end} bytes`, async (stage) => {
        const restarts = restartsOf(stage);
        await stage.give("whole", LARGE);
        await put(stage.opened.files, "/curl", LARGE.subarray(0, end));
        await stage.curl("--continue-at", "-", "--upload-file", "whole", stage.url("curl"));
        await stage.assertStored("/curl", LARGE);
        await put(stage.opened.files, "/lftp", LARGE.subarray(0, end));
        await stage.lftp("put -c whole -o lftp");
        await stage.assertStored("/lftp", LARGE);
        await stage.assertKeys("curl", "lftp");
        // curl appends, lftp restarts.
        assert.deepEqual(restarts, ["APPE /curl", `REST ${end}`, "STOR /lftp"]);
      });
    }

    stageTest(backend, "APPE adds, also to what is not there", async (stage) => {
      await stage.give("more", "and more");
      const append = () => stage.curl("--append", "--upload-file", "more", stage.url("log"));
      await append();
      await append();
      await stage.assertStored("/log", "and moreand more");
      await stage.assertKeys("log");
    });

    stageTest(backend, "files are renamed and removed, directories made and removed", async (stage) => {
      await put(stage.opened.files, "/large", LARGE);
      await put(stage.opened.files, "/small", "small");
      await stage.lftp("mkdir d", "mkdir d/e", "mv large d/e/moved");
      await stage.assertStored("/d/e/moved", LARGE);
      await stage.quote("RNFR small", "RNTO d/e/moved");
      await stage.assertStored("/d/e/moved", "small");
      await stage.quote("DELE d/e/moved", "RMD d/e");
      assert.equal(await stage.lftp("cls -1 --classify"), "d/\n");
      await stage.lftp("rmdir d");
      await stage.assertKeys();
      await assert.rejects(stage.lftp("rmdir d"), /550/);
    });

    for (const [label, name] of Object.entries(NAMES))
      stageTest(backend, `a name with ${label}`, async (stage) => {
        await stage.give("up", "content");
        await stage.curl("--upload-file", "up", stage.url(name));
        await stage.assertStored(`/${name}`, "content");
        assert.equal(await stage.curl("--list-only", stage.url()), `${name}\n`);
        assert.equal(await stage.lftp("cls -1"), `${name}\n`);
        assert.equal(await stage.curl(stage.url(name)), "content");
        await stage.lftp(`get -- ${quoted(name)} -o down`, `mv ${quoted(name)} plain`, `mv plain ${quoted(name)}`);
        await stage.assertTaken("down", "content");
        await stage.assertKeys(name);
        await stage.lftp(`rm -- ${quoted(name)}`, `mkdir -- ${quoted(name)}`, `put up -o ${quoted(`${name}/in`)}`);
        assert.equal(await stage.curl(stage.url(`${name}/in`)), "content");
        await stage.quote(`DELE ${name}/in`, `RMD ${name}`);
        await stage.assertKeys();
      });
  });

/** The commands that say where an upload goes on, from now on. */
function restartsOf({ served: { server } }: Stage): readonly string[] {
  const found: string[] = [];
  server.on("reply", ({ verb = "", argument = "", code }) => {
    const told = ["REST", "APPE", "STOR"].includes(verb) && code < 500 && code !== 226;
    if (told && argument !== "0") found.push(`${verb} ${argument}`);
  });
  return found;
}

/** Double quotes, in which only they and the backslash mean something. */
function quoted(word: string): string {
  return `"${word.replaceAll(/["\\]/g, "\\$&")}"`;
}
