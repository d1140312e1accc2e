/**
 * What must hold with every client: after each step the store is looked at beside the server, never only what
 * the client says. One table of names and of contents for all.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { requireProgram } from "../kit/programs.js";
import { content, exists, names, put, putDirectory } from "../kit/store.js";
import { bytesOf, linesOf } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { Scene, type SceneOptions, STORES, type StoreKind, type Way } from "./scene.js";
import { assertLocalTree, assertStoredTree, putTree, writeTree } from "./tree.js";

/** Names of files that have broken clients or servers, by what is special about them. */
const NAMES: Readonly<Record<string, string>> = {
  spaces: "two  words, and three",
  quotes: `a "double" and 'single' one`,
  "a leading dash": "-rf",
  NFC: "\u00e9t\u00e9 \u00c5ngstr\u00f6m".normalize("NFC"),
  NFD: "\u00e9t\u00e9 \u00c5ngstr\u00f6m".normalize("NFD"),
  "other scripts": "\u{1f986} \u05e9\u05dc\u05d5\u05dd \u6587\u4ef6.txt",
  "characters of URLs": "100%25#1&a=b:c@d+e;type=a",
  "characters of patterns": "[a]{b,c}*?.txt",
  "255 bytes": "n".repeat(255),
  "255 bytes of UTF-8": `${"\u00e9".repeat(127)}x`,
};

const SMALL = bytesOf(3000, 7);
const LARGE_SIZE = 20_000_000;
const MANY = 500;
/** Scenes share nothing, and clients mostly wait. */
const ASIDE = { concurrency: 3 };

/** All that is expected of a client, as far as it can, on every store. */
export function expectAll(client: Client): void {
  const anyWay = client.ways[0];
  assert(anyWay);
  for (const way of client.ways)
    describe(`${client.name} by ${way.mode}${way.host === "::1" ? " on IPv6" : ""}`, ASIDE, () => {
      for (const kind of STORES)
        played(client, `lists, moves, renames and removes files (${kind})`, way, kind, (scene) => daily(client, scene));
    });
  describe(client.name, ASIDE, () => {
    for (const kind of STORES) {
      for (const [label, name] of Object.entries(NAMES)) named(client, label, name, anyWay, kind);
      for (const [title, work, ...needed] of WORKS)
        if (needed.length === 0 || needed.some((ability) => client[ability] !== undefined))
          played(client, `${title} (${kind})`, anyWay, kind, (scene) => work(client, scene));
    }
  });
}

type Work = (client: Client, scene: Scene) => Promise<void>;

/** Titles, works, and the abilities of which a client needs at least one for the work to mean anything. */
const WORKS: readonly (readonly [title: string, work: Work, ...needed: readonly (keyof Client)[]])[] = [
  ["resumes", resumes, "resumeDownload", "resumeUpload", "append"],
  [`moves an empty file and ${LARGE_SIZE} bytes`, sizes],
  ["moves text in TYPE A", text, "downloadText", "uploadText"],
  [`works on a folder of ${MANY} files`, folder, "list", "downloadFolder", "uploadFolder"],
  ["walks a tree", tree, "downloadTree", "uploadTree"],
  ["hears of what is refused", refusals],
];

/** A test in a scene; skipped, or failed in CI, where the client is not installed. */
export function played(
  client: Pick<Client, "programs">,
  title: string,
  way: Way,
  kind: StoreKind,
  work: (scene: Scene) => Promise<void>,
  options: SceneOptions = {},
): void {
  test(title, async (t: TestContext) => {
    for (const program of client.programs) if (requireProgram(t, program) === undefined) return;
    await Scene.play(way, kind, work, options);
  });
}

/** Asserts the content of a file in the store. */
export async function assertStored(scene: Scene, path: string, expected: Uint8Array | string): Promise<void> {
  assertSame(await content(scene.store, path), expected, `in the store: ${path}`);
}

/** Asserts the content of a local file of the client. */
export async function assertLocal(scene: Scene, name: string, expected: Uint8Array | string): Promise<void> {
  assertSame(await readFile(scene.local(name)), expected, `on the client's side: ${name}`);
}

/** Asserts the names in a directory of the store. */
export async function assertNames(scene: Scene, directory: string, expected: readonly string[]): Promise<void> {
  assert.deepEqual(await names(scene.store, directory), [...expected].sort());
}

function assertSame(actual: Uint8Array, expected: Uint8Array | string, what: string): void {
  const wanted = Buffer.from(expected);
  assert.equal(actual.length, wanted.length, `bytes ${what}`);
  const differing = wanted.equals(actual) ? -1 : wanted.findIndex((byte, index) => byte !== actual[index]);
  assert.equal(differing, -1, `the first byte that differs ${what}`);
}

function named(client: Client, label: string, name: string, way: Way, kind: StoreKind): void {
  const reason = client.unspeakable?.[label];
  const title = `moves a file whose name has ${label} (${kind})`;
  if (reason !== undefined) test(title, { skip: reason }, () => undefined);
  else played(client, title, way, kind, (scene) => awkward(client, scene, name));
}

async function daily(client: Client, scene: Scene): Promise<void> {
  await writeFile(scene.local("up"), SMALL);
  await put(scene.store, "/down", SMALL);
  await putDirectory(scene.store, "/given");
  await put(scene.store, "/given/inner", "inner");

  await client.download(scene, "down", "down");
  await assertLocal(scene, "down", SMALL);
  await client.download(scene, "given/inner", "inner");
  await assertLocal(scene, "inner", "inner");
  if (client.upload) {
    await client.upload(scene, "up", "up");
    await assertStored(scene, "/up", SMALL);
    await client.upload(scene, "inner", "up");
    await assertStored(scene, "/up", "inner");
    await client.upload(scene, "up", "given/up");
    await assertStored(scene, "/given/up", SMALL);
  }
  const entries = await names(scene.store);
  if (client.list) {
    assert.deepEqual([...(await client.list(scene, ""))].sort(), entries);
    assert.deepEqual([...(await client.list(scene, "given"))].sort(), await names(scene.store, "/given"));
  }
  scene.assertWay();
  await directories(client, scene);
  await renames(client, scene);
}

async function directories(client: Client, scene: Scene): Promise<void> {
  const { makeDirectory, removeDirectory } = client;
  if (makeDirectory) {
    await makeDirectory(scene, "made");
    assert.deepEqual(await names(scene.store, "/made"), []);
    await makeDirectory(scene, "made/deeper");
    await assertNames(scene, "/made", ["deeper"]);
  } else {
    await putDirectory(scene.store, "/made");
    await putDirectory(scene.store, "/made/deeper");
  }
  if (removeDirectory) {
    await removeDirectory(scene, "made/deeper");
    await assertNames(scene, "/made", []);
    await removeDirectory(scene, "made");
    assert(!(await exists(scene.store, "/made")));
  }
}

async function renames(client: Client, scene: Scene): Promise<void> {
  if (client.rename) {
    await client.rename(scene, "down", "given/renamed");
    await assertStored(scene, "/given/renamed", SMALL);
    assert(!(await exists(scene.store, "/down")));
    await client.rename(scene, "given", "taken");
    await assertStored(scene, "/taken/renamed", SMALL);
  }
  if (client.remove) {
    const path = client.rename ? "taken/renamed" : "given/inner";
    await client.remove(scene, path);
    assert(!(await exists(scene.store, `/${path}`)));
  }
}

async function awkward(client: Client, scene: Scene, name: string): Promise<void> {
  await writeFile(scene.local("up"), SMALL);
  if (client.upload) await client.upload(scene, "up", name);
  else await put(scene.store, `/${name}`, SMALL);
  await assertNames(scene, "/", [name]);
  await assertStored(scene, `/${name}`, SMALL);
  await client.download(scene, name, "down");
  await assertLocal(scene, "down", SMALL);
  if (client.list) assert.deepEqual(await client.list(scene, ""), [name]);
  if (client.rename) {
    await client.rename(scene, name, "plain");
    await assertNames(scene, "/", ["plain"]);
    await client.rename(scene, "plain", name);
    await assertNames(scene, "/", [name]);
  }
  if (client.remove) {
    await client.remove(scene, name);
    await assertNames(scene, "/", []);
  } else await scene.store.remove(virtualPath(name));
  await awkwardDirectory(client, scene, name);
}

async function awkwardDirectory(client: Client, scene: Scene, name: string): Promise<void> {
  if (client.makeDirectory) await client.makeDirectory(scene, name);
  else await putDirectory(scene.store, `/${name}`);
  await assertNames(scene, "/", [name]);
  await put(scene.store, `/${name}/inner`, "inner");
  if (client.list) assert.deepEqual(await client.list(scene, name), ["inner"]);
  await client.download(scene, `${name}/inner`, "inner");
  await assertLocal(scene, "inner", "inner");
  await scene.store.remove(virtualPath(`${name}/inner`));
  if (client.removeDirectory) {
    await client.removeDirectory(scene, name);
    await assertNames(scene, "/", []);
  }
}

async function resumes(client: Client, scene: Scene): Promise<void> {
  const whole = bytesOf(300_000, 3);
  if (client.resumeDownload) {
    await put(scene.store, "/whole", whole);
    await writeFile(scene.local("part"), whole.subarray(0, 123_457));
    await client.resumeDownload(scene, "whole", "part");
    await assertLocal(scene, "part", whole);
    assert.deepEqual(scene.arguments("REST").at(-1), "123457");
  }
  if (client.resumeUpload) {
    await put(scene.store, "/part", whole.subarray(0, 123_457));
    await writeFile(scene.local("whole"), whole);
    const before = scene.replies.length;
    await client.resumeUpload(scene, "whole", "part");
    await assertStored(scene, "/part", whole);
    const verbs = scene.replies.slice(before).map(({ verb }) => verb);
    assert(verbs.includes("REST") || verbs.includes("APPE"), "the client did not send it all again");
  }
  if (client.append) {
    await writeFile(scene.local("more"), "and more");
    await client.append(scene, "more", "appended");
    await assertStored(scene, "/appended", "and more");
    await client.append(scene, "more", "appended");
    await assertStored(scene, "/appended", "and moreand more");
  }
}

async function sizes(client: Client, scene: Scene): Promise<void> {
  const large = bytesOf(LARGE_SIZE, 5);
  for (const [name, bytes] of [
    ["empty", Buffer.alloc(0)],
    ["large", large],
  ] as const) {
    if (client.upload) {
      await writeFile(scene.local(name), bytes);
      await client.upload(scene, name, name);
    } else await put(scene.store, `/${name}`, bytes);
    await assertStored(scene, `/${name}`, bytes);
    await client.download(scene, name, `${name}-back`);
    await assertLocal(scene, `${name}-back`, bytes);
  }
}

async function text(client: Client, scene: Scene): Promise<void> {
  const lines = linesOf(200_000);
  const onTheWire = Buffer.from(lines.toString().replaceAll("\n", "\r\n"));
  const assertTranslated = (): void => assert.equal(scene.transfers.at(-1)?.bytes, onTheWire.length, "bytes moved");
  if (client.downloadText) {
    await put(scene.store, "/text", lines);
    await client.downloadText(scene, "text", "text");
    await assertLocal(scene, "text", client.keepsNetworkLineEnds ? onTheWire : lines);
    assertTranslated();
  }
  if (client.uploadText) {
    await writeFile(scene.local("text-up"), lines);
    await client.uploadText(scene, "text-up", "text-up");
    await assertStored(scene, "/text-up", lines);
    assertTranslated();
  }
}

async function folder(client: Client, scene: Scene): Promise<void> {
  const expected = Array.from({ length: MANY }, (_, index) => `file ${String(index).padStart(3, "0")}`);
  await putDirectory(scene.store, "/many");
  for (const name of expected) await put(scene.store, `/many/${name}`, name.repeat(10));
  if (client.list) assert.deepEqual([...(await client.list(scene, "many"))].sort(), expected);
  await mkdir(scene.local("many"));
  if (client.downloadFolder) {
    await client.downloadFolder(scene, "many", "many");
    const found = (await readdir(scene.local("many"))).filter((name) => !name.startsWith("."));
    assert.deepEqual(found.sort(), expected);
    for (const name of expected) await assertLocal(scene, `many/${name}`, name.repeat(10));
  } else for (const name of expected) await writeFile(scene.local(`many/${name}`), name.repeat(10));
  if (client.uploadFolder) {
    await putDirectory(scene.store, "/copy");
    await client.uploadFolder(scene, "many", "copy");
    await assertNames(scene, "/copy", expected);
    for (const name of expected) await assertStored(scene, `/copy/${name}`, name.repeat(10));
  }
}

async function tree(client: Client, scene: Scene): Promise<void> {
  if (client.downloadTree) {
    await putTree(scene, "tree");
    await mkdir(scene.local("down"));
    await client.downloadTree(scene, "tree", "down");
    await assertLocalTree(scene, "down");
  }
  if (client.uploadTree) {
    await writeTree(scene, "up");
    await client.uploadTree(scene, "up", "up");
    await assertStoredTree(scene, "up");
  }
}

async function refusals(client: Client, scene: Scene): Promise<void> {
  const refused = async (what: string, attempt: Promise<unknown>): Promise<void> => {
    const failed = await attempt.then(
      () => false,
      () => true,
    );
    assert(failed || client.silent, `${what}: the client took it for a success`);
    const last = scene.replies.findLast(({ code, verb }) => code >= 500 && verb !== undefined);
    assert(last !== undefined, `${what}: the server refused`);
    scene.replies.length = 0;
  };
  await refused("a missing file", client.download(scene, "missing", "missing"));
  if (client.upload) {
    await writeFile(scene.local("up"), SMALL);
    await refused("into a missing directory", client.upload(scene, "up", "missing/up"));
  }
  if (client.removeDirectory) {
    await putDirectory(scene.store, "/full");
    await put(scene.store, "/full/inner", "inner");
    await refused("a directory that is not empty", client.removeDirectory(scene, "full"));
    await assertStored(scene, "/full/inner", "inner");
  }
  if (client.wrongPassword) await refused("a wrong password", client.wrongPassword(scene));
}
