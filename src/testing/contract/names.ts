/** Names that programs like to get wrong. */
import assert from "node:assert/strict";
import { decodeText } from "../../storage/names.js";
import { eachOf } from "../sample.js";
import { at, names, put, refused, text } from "../store-words.js";
import type { Row } from "./row.js";
import type { Trial } from "./trial.js";

const NAMES: readonly string[] = [
  "with space",
  " leading",
  "trailing ",
  "quote\"s'`",
  "back\\slash",
  "..\\up",
  "100%25",
  "%2e%2e",
  "a%2Fb",
  "a+b#c?d&e=f",
  "#",
  "?",
  "+",
  "%",
  "*[glob]?",
  "semi;colon",
  "<&amp;>",
  "-dash",
  "--",
  ".hidden",
  "...",
  "~",
  "$HOME",
  "tab\there",
  "esc\u001b[31m",
  "é".normalize("NFC"),
  "é".normalize("NFD"),
  "日本語",
  "🚢",
  "\u{10ffff}\uffff",
  "x".repeat(255),
  "é".repeat(127),
  decodeText(Uint8Array.of(0x66, 0xff, 0xfe)),
  decodeText(Uint8Array.of(0xc3)),
  decodeText(Uint8Array.of(0xed, 0xa0, 0x80)),
  "UPPER",
  "upper",
];

function keptNames({ can }: Trial): readonly string[] {
  return NAMES.filter((name) => can.keepsName(name));
}

/** A path of so many bytes, its first `/` not counted, of components that every store should take. */
function pathOf(bytes: number): string {
  const components: string[] = [];
  for (let left = bytes; left > 0; left -= 101) components.push("x".repeat(left <= 101 ? left : 100));
  return `/${components.join("/")}`;
}

/** The rows. */
export const spellings: readonly Row[] = [
  {
    title: "S1.18 names of every kind go through write, list, stat and read",
    async run(trial) {
      const { store } = trial;
      const kept = keptNames(trial);
      await eachOf(kept.length, (index) => put(store, `/${kept[index]}`, String(index)));
      assert.deepEqual(await names(store), kept.toSorted());
      await eachOf(kept.length, async (index) => {
        const name = kept[index] ?? "";
        assert.equal((await store.stat(at(`/${name}`))).name, name);
        assert.equal(await text(store, `/${name}`), String(index));
      });
    },
  },
  {
    title: "S1.18 names of every kind go through rename and remove",
    needs: ["makeDirectory", "rename", "remove"],
    async run(trial) {
      const { store } = trial;
      const kept = keptNames(trial);
      await store.makeDirectory(at("/moved"));
      await eachOf(kept.length, async (index) => {
        await put(store, `/${kept[index]}`, String(index));
        await store.rename(at(`/${kept[index]}`), at(`/moved/${kept[index]}`));
        assert.equal(await text(store, `/moved/${kept[index]}`), String(index));
      });
      assert.deepEqual(await names(store, "/moved"), kept.toSorted());
      assert.deepEqual(await names(store), ["moved"]);
      await eachOf(kept.length, (index) => store.remove(at(`/moved/${kept[index]}`)));
      assert.deepEqual(await names(store, "/moved"), []);
    },
  },
  {
    title: "S1.18 directories of every name",
    needs: ["makeDirectory"],
    async run(trial) {
      const { store } = trial;
      const kept = keptNames(trial);
      await eachOf(kept.length, async (index) => {
        await store.makeDirectory(at(`/${kept[index]}`));
        await put(store, `/${kept[index]}/in`, String(index));
      });
      assert.deepEqual(await names(store), kept.toSorted());
      for (const name of kept) assert.deepEqual(await names(store, `/${name}`), ["in"]);
    },
  },
  {
    title: "names that the store does not keep are refused",
    unless: ({ keepsName }) => NAMES.every((name) => keepsName(name)) && "the store keeps every name",
    async run({ store, can, has }) {
      for (const name of NAMES.filter((name) => !can.keepsName(name))) {
        const codes = ["EINVAL", "ENAMETOOLONG"] as const;
        await refused(codes, store.openWrite(at(`/${name}`), { mode: "replace" }), `/${name}`);
        if (has("makeDirectory")) await refused(codes, store.makeDirectory(at(`/${name}`)), `/${name}`);
      }
      assert.deepEqual(await names(store), []);
    },
  },
  {
    title: "the longest path is kept, a longer one is ENAMETOOLONG",
    needs: ["makeDirectory"],
    unless: ({ pathBytes }) => pathBytes === undefined && "the paths of the store have no bound that matters",
    async run({ store, can: { pathBytes = 0, implicitDirectories } }) {
      const [longest, longer] = [pathOf(pathBytes), pathOf(pathBytes + 1)];
      const parents = implicitDirectories ? 0 : Math.ceil(pathBytes / 101) - 1;
      for (let parent = 1; parent <= parents; parent++) await store.makeDirectory(at(longest.slice(0, parent * 101)));
      await put(store, longest, "x");
      assert.equal(await text(store, longest), "x");
      await refused("ENAMETOOLONG", store.openWrite(at(longer), { mode: "replace" }), longer);
      await refused("ENAMETOOLONG", store.stat(at(longer)), longer);
    },
  },
];
