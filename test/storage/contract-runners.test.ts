/** How the contract is given to those who run tests: plain cases, Node's runner, the shape of others. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import {
  type ContractSubject,
  contractCases,
  fileSystemContract,
  type TestFunction,
} from "../../dist/testing/index.js";
import { put } from "./store.js";

let disposed = 0;

async function make(): Promise<ContractSubject> {
  return { store: new MemoryFileSystem(), [Symbol.asyncDispose]: async () => void disposed++ };
}

const capabilities = { without: ["availableSpace"], entries: 500 } as const;

/** A runner in the shape of vitest and jest: it collects what is declared. */
class Runner {
  readonly declared = new Map<string, { readonly run: () => Promise<void>; readonly timeout: number }>();
  readonly skipped: string[] = [];
  readonly groups: string[] = [];

  readonly test: TestFunction = Object.assign(
    (title: string, run: () => Promise<void>, timeout: number) => void this.declared.set(title, { run, timeout }),
    { skip: (title: string) => this.skipped.push(title) },
  );

  readonly describe = (title: string, declare: () => void): void => {
    this.groups.push(title);
    declare();
  };
}

suite("contractCases", () => {
  test("titles differ, and cases that do not apply say why", () => {
    const cases = contractCases({ make, capabilities });
    assert.equal(new Set(cases.map(({ title }) => title)).size, cases.length);
    assert.ok(cases.length > 80, `${cases.length} cases`);
    const reasons = new Map(cases.map(({ title, skip }) => [title, skip]));
    assert.equal(reasons.get("a file without bytes"), undefined);
    assert.equal(reasons.get("the space that is left is told in bytes"), "the store is without availableSpace");
    assert.equal(
      reasons.get("many entries: the first is there before the last was fetched"),
      "no probe requests was given",
    );
    assert.equal(reasons.get("implicit: what lies below it makes a directory"), "directories are not implicit");
  });

  test("what is declared as missing opens and closes cases", () => {
    const left = (declared: Parameters<typeof contractCases>[0]["capabilities"]) =>
      contractCases({ make, capabilities: declared }).flatMap(({ title, skip }) => (skip === undefined ? [title] : []));
    assert.ok(left({}).includes("created can be set"));
    assert.ok(!left({ without: ["setCreated"] }).includes("created can be set"));
    assert.ok(left({ without: ["setCreated"] }).includes("where created cannot be set, modified is not set with it"));
    assert.ok(!left({ implicitDirectories: true }).includes("what is below a file is ENOTDIR"));
    const without = ["append", "at", "remove", "makeDirectory", "removeDirectory", "rename", "setTimes"] as const;
    assert.ok(left({ without }).length > 20);
  });

  test("each case has a store of its own, which is disposed whatever comes", async () => {
    const stores: MemoryFileSystem[] = [];
    const before = disposed;
    const cases = contractCases({
      make: async () => {
        const made = await make();
        stores.push(made.store as MemoryFileSystem);
        return made;
      },
      capabilities,
    });
    for (const { run } of cases.slice(0, 5)) await run();
    assert.equal(new Set(stores).size, 5);
    const [failing] = contractCases({
      make: async () => {
        const made = await make();
        await put(made.store, "/not-empty", "x");
        return made;
      },
    });
    await assert.rejects(failing!.run(), { name: "AssertionError" });
    assert.equal(disposed - before, 6);
  });

  test("what uploads leave is told after every case", async () => {
    const [first] = contractCases({ make, probes: { leftovers: async () => ["part"] } });
    await assert.rejects(first!.run(), /what uploads left behind/);
  });

  for (const border of [2, 3, 1000, 65_536])
    test(`a store with borders of ${border} bytes passes what is about borders`, async () => {
      const about = contractCases({ make, capabilities: { ...capabilities, borders: [border] } }).filter(({ title }) =>
        /border|range|stage|prefix|large|midway/.test(title),
      );
      assert.ok(about.length > 10);
      for (const { run, skip } of about) if (skip === undefined) await run();
    });

  test("capabilities out of their range are told", () => {
    for (const wrong of [{ entries: 1 }, { borders: [1] }, { pieceBytes: 0 }, { pathBytes: 1.5 }])
      assert.throws(() => contractCases({ make, capabilities: wrong }), {
        name: "RangeError",
        message: new RegExp(Object.keys(wrong).join()),
      });
  });
});

suite("fileSystemContract with another runner", () => {
  test("declares every case with it, in a group, and they pass", async () => {
    const runner = new Runner();
    fileSystemContract({ name: "memory", make, capabilities, test: runner.test, describe: runner.describe });
    assert.deepEqual(runner.groups, ["FileSystem contract: memory"]);
    assert.equal(runner.declared.size + runner.skipped.length, contractCases({ make }).length);
    assert.ok(
      runner.skipped.includes(
        "the space that is left is told in bytes (left out: the store is without availableSpace)",
      ),
    );
    for (const [title, { run, timeout }] of runner.declared) {
      if (title.startsWith("S1.") || title.includes("midway")) await run();
      assert.ok(timeout > 60_000);
    }
  });

  test("without groups the titles name the store", () => {
    const runner = new Runner();
    fileSystemContract({ name: "memory", make, capabilities, test: runner.test });
    assert.ok(runner.declared.has("FileSystem contract: memory: a file without bytes"));
    assert.deepEqual(runner.groups, []);
  });
});
