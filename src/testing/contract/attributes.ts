/** Times, permission bits, identity, space; and whether a store says of itself what is true. */
import assert from "node:assert/strict";
import type { Capability } from "../../storage/file-system.js";
import { at, entries, names, put, refused, text } from "../store-words.js";
import { codeOf, operationsOf } from "./errors.js";
import type { Row } from "./row.js";
import type { Trial } from "./trial.js";

const CAPABILITIES: readonly Capability[] = [
  "list",
  "openRead",
  "openWrite",
  "append",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setCreated",
  "setMode",
  "availableSpace",
];

const MODIFIED = new Date("2001-02-03T04:05:06.000Z");
const CREATED = new Date("2000-01-02T03:04:05.000Z");

/** What the store is without, asked of it on a file. */
function denied({ store, has }: Trial): readonly (() => Promise<unknown>)[] {
  const path = at("/present");
  const all = {
    append: () => store.openWrite(path, { mode: "append" }),
    at: () => store.openWrite(path, { mode: "at", start: 1 }),
    remove: () => store.remove(path),
    makeDirectory: () => store.makeDirectory(at("/new")),
    removeDirectory: () => store.removeDirectory(path),
    rename: () => store.rename(path, at("/new")),
    setTimes: () => store.setTimes(path, { modified: MODIFIED }),
    setCreated: () => store.setTimes(path, { created: CREATED }),
    setMode: () => store.setMode(path, 0o640),
    availableSpace: () => store.availableSpace(path),
  } as const;
  return (Object.keys(all) as (keyof typeof all)[]).flatMap((feature) => (has(feature) ? [] : [all[feature]]));
}

/** The rows. */
export const attributes: readonly Row[] = [
  {
    title: "supports() tells the truth: what it denies is refused, and changes nothing",
    async run(trial) {
      const { store, can } = trial;
      const supported = CAPABILITIES.filter((capability) => store.supports(capability));
      const declared = CAPABILITIES.filter((capability) => !(can.without as ReadonlySet<string>).has(capability));
      assert.deepEqual(supported, declared);
      for (const capability of CAPABILITIES)
        assert.equal(store.supports(capability, at("/x")), declared.includes(capability), capability);
      await put(store, "/present", "content");
      const { modified, mode } = await store.stat(at("/present"));
      for (const run of denied(trial)) await refused(["ENOSYS", "EROFS"], run());
      const after = await store.stat(at("/present"));
      assert.deepEqual([after.modified, after.mode], [modified, mode]);
      assert.equal(await text(store, "/present"), "content");
      assert.deepEqual(await names(store), ["present"]);
    },
  },
  {
    title: "supports() tells the truth: what it affirms is not refused as missing",
    async run(trial) {
      for (const [index, [name, run]] of operationsOf(trial, "/file").entries()) {
        await put(trial.store, "/file", String(index));
        await put(trial.store, "/present", String(index));
        const code = await codeOf(run());
        assert.ok(code !== "ENOSYS" && code !== "EROFS", `${name}: ${code}`);
      }
    },
  },
  {
    title: "modified can be set of files, and goes with a move",
    needs: ["setTimes"],
    async run({ store, has }) {
      await put(store, "/a", "x");
      await store.setTimes(at("/a"), { modified: MODIFIED });
      assert.deepEqual((await store.stat(at("/a"))).modified, MODIFIED);
      await store.setTimes(at("/a"), {});
      assert.deepEqual((await store.stat(at("/a"))).modified, MODIFIED);
      assert.equal(await text(store, "/a"), "x");
      if (!has("rename")) return;
      await store.rename(at("/a"), at("/b"));
      assert.deepEqual((await store.stat(at("/b"))).modified, MODIFIED, "a move keeps it");
    },
  },
  {
    title: "modified can be set of directories, and listings show what was set",
    needs: ["setTimes", "directoryTimes", "makeDirectory"],
    async run({ store }) {
      await put(store, "/a", "x");
      await store.makeDirectory(at("/d"));
      for (const path of ["/a", "/d"]) {
        await store.setTimes(at(path), { modified: MODIFIED });
        assert.deepEqual((await store.stat(at(path))).modified, MODIFIED);
        assert.deepEqual((await entries(store)).get(path.slice(1))?.modified, MODIFIED);
      }
    },
  },
  {
    title: "created can be set",
    needs: ["setTimes", "setCreated"],
    async run({ store }) {
      await put(store, "/a", "x");
      await store.setTimes(at("/a"), { created: CREATED, modified: MODIFIED });
      const info = await store.stat(at("/a"));
      assert.deepEqual([info.created, info.modified], [CREATED, MODIFIED]);
    },
  },
  {
    title: "where created cannot be set, modified is not set with it",
    needs: ["setTimes"],
    unless: ({ without }) => !without.has("setCreated") && "created can be set",
    async run({ store }) {
      await put(store, "/a", "x");
      await refused("ENOSYS", store.setTimes(at("/a"), { created: CREATED, modified: MODIFIED }), "/a");
      assert.notDeepEqual((await store.stat(at("/a"))).modified, MODIFIED);
    },
  },
  {
    title: "permission bits are set and kept, more than nine are refused",
    needs: ["setMode", "makeDirectory"],
    async run({ store }) {
      await put(store, "/a", "x");
      await store.makeDirectory(at("/d"));
      for (const mode of [0o777, 0o640, 0o600]) {
        await store.setMode(at("/a"), mode);
        assert.equal((await store.stat(at("/a"))).mode, mode);
      }
      await store.setMode(at("/d"), 0o750);
      assert.equal((await store.stat(at("/d"))).mode, 0o750);
      for (const mode of [0o1000, 0o4755, -1, 1.5, Number.NaN])
        await refused("EINVAL", store.setMode(at("/a"), mode), "/a");
      await put(store, "/a", "new");
      assert.equal((await store.stat(at("/a"))).mode, 0o600, "a new version keeps them");
    },
  },
  {
    title: "a new entry lacks the bits of its umask",
    needs: ["setMode", "makeDirectory"],
    async run({ store }) {
      const handle = await store.openWrite(at("/a"), { mode: "replace", umask: 0o077 });
      await handle.commit();
      await store.makeDirectory(at("/d"), { umask: 0o027 });
      assert.equal(((await store.stat(at("/a"))).mode ?? 0o777) & 0o077, 0);
      assert.equal(((await store.stat(at("/d"))).mode ?? 0o777) & 0o027, 0);
    },
  },
  {
    title: "S16.5 unique: the same for one object, another for each",
    needs: ["unique", "makeDirectory", "rename"],
    async run({ store }) {
      await put(store, "/a", "x");
      await put(store, "/b", "x");
      await store.makeDirectory(at("/d"));
      const all = ["/", "/a", "/b", "/d"].map(async (path) => (await store.stat(at(path))).unique);
      assert.equal(new Set(await Promise.all(all)).size, 4);
      const { unique } = await store.stat(at("/a"));
      assert.equal(typeof unique, "string");
      assert.equal((await entries(store)).get("a")?.unique, unique);
      await store.rename(at("/a"), at("/d/a"));
      assert.equal((await store.stat(at("/d/a"))).unique, unique);
    },
  },
  {
    title: "version: the same as long as the bytes are, another for others",
    needs: ["version"],
    async run({ store }) {
      const { version } = await put(store, "/a", "one");
      assert.equal(typeof version, "string");
      await using handle = await store.openRead(at("/a"));
      for (const info of [await store.stat(at("/a")), (await entries(store)).get("a"), handle.info])
        assert.equal(info?.version, version);
      await put(store, "/a", "two");
      assert.notEqual((await store.stat(at("/a"))).version, version);
    },
  },
  {
    title: "the space that is left is told in bytes",
    needs: ["availableSpace"],
    async run({ store }) {
      await put(store, "/a", "x");
      for (const path of ["/", "/a"]) {
        const space = await store.availableSpace(at(path));
        assert.ok(Number.isFinite(space) && space >= 0, String(space));
      }
      await refused("ENOENT", store.availableSpace(at("/none")), "/none");
    },
  },
];
