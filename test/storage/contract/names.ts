/** Names that programs like to get wrong, and paths that no server makes. Part of the contract. */
import assert from "node:assert/strict";
import { decodeText } from "../../../dist/storage/names.js";
import { at, everyOperation, names, put, refused, text } from "../store.js";
import type { Check } from "./check.js";

/** Names that programs like to get wrong. */
const NAMES: readonly string[] = [
  "with space",
  " leading",
  "trailing ",
  "quote\"s'`",
  "back\\slash",
  "100%25",
  "a+b#c?d&e=f",
  "*[glob]?",
  "semi;colon",
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
  "x".repeat(255),
  "é".repeat(127),
  decodeText(Uint8Array.of(0x66, 0xff, 0xfe)),
  decodeText(Uint8Array.of(0xc3)),
  decodeText(Uint8Array.of(0xed, 0xa0, 0x80)),
  "UPPER",
  "upper",
];

/** Declares the tests of this part. */
export function spellings(check: Check): void {
  check("S1.18 names of every kind go through write, list, stat, read, rename and remove", async (store) => {
    for (const [index, name] of NAMES.entries()) await put(store, `/${name}`, String(index));
    assert.deepEqual(await names(store), [...NAMES].sort());
    await store.makeDirectory(at("/moved"));
    for (const [index, name] of NAMES.entries()) {
      assert.equal((await store.stat(at(`/${name}`))).name, name);
      assert.equal(await text(store, `/${name}`), String(index));
      await store.rename(at(`/${name}`), at(`/moved/${name}`));
    }
    assert.deepEqual(await names(store, "/moved"), [...NAMES].sort());
    for (const name of NAMES) await store.remove(at(`/moved/${name}`));
    assert.deepEqual(await names(store, "/moved"), []);
  });

  check("S1.18 directories of every name", async (store) => {
    for (const name of NAMES) {
      await store.makeDirectory(at(`/${name}`));
      await put(store, `/${name}/in`, name);
    }
    for (const name of NAMES) assert.deepEqual(await names(store, `/${name}`), ["in"]);
  });

  check("S1.1 S1.2 paths that no server makes are refused by every operation", async (store) => {
    await put(store, "/present", "x");
    const bad = ["", "present", "/present/", "//present", "/./present", "/../present", "/..", "/a/../present", "/a//b"];
    for (const path of [...bad, "/nul\0", "/cr\rlf", "/lf\n", "/lone\ud800", "/two\udcc3\udca9"])
      for (const [name, run] of Object.entries(everyOperation(store, path))) {
        const error = await refused("EINVAL", run());
        assert.equal(error.path, path, name);
      }
    assert.deepEqual(await names(store), ["present"]);
  });
}
