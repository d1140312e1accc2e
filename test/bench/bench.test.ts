/** Whether the benchmark works: on portside alone, with small sizes, and whether its arithmetic is right. How fast anything is does not matter. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { run } from "../kit/programs.js";
import { temporaryDirectory, within } from "../kit/temporary.js";
import { LINE, wireBytes } from "./job.js";
import type { Sample } from "./measuring.js";
import { Meter } from "./meter.js";
import { QUICK, scenarios } from "./scenarios.js";
import { median, number, type Result, rows, scaling } from "./table.js";

/** Has a child compute for 0.3 s, says so, and ends with its input. */
const PARENT = `
  const work = "while (process.cpuUsage().user < 300_000);";
  require("node:child_process").execFileSync(process.execPath, ["-e", work]);
  console.log("done");
  process.stdin.resume();
`;

const PROGRAM = join(import.meta.dirname, "run.js");

/** As much as is looked at here of what `--json` writes. */
interface Written {
  readonly record: readonly { readonly scenario: string; readonly results: readonly Result[] }[];
}

function sample(rate: number, more: Partial<Sample> = {}): Sample {
  const nothing = { cpu: undefined, firstByte: undefined, spread: undefined, perSession: undefined };
  return { rate, ...nothing, clientCpu: 0, p50: 0, p99: 0, raw: false, errors: 0, complaint: undefined, ...more };
}

function result(server: string, ...samples: Sample[]): Result {
  return { server, samples, failure: samples.length === 0 ? "unsupported" : undefined };
}

suite("the benchmark", () => {
  test("measures every kind of job, and checks what it moved", async () => {
    await using folder = await temporaryDirectory();
    const json = join(folder.path, "figures.json");
    const words = ["retr-a", "stor-tls", "small-stor", "sessions-tls", "mlsd", "noop-pipe", "idle-tls"];
    const options = ["--quick", "--rounds", "1", "--idle", "20", "--json", json];
    const { code, stdout, stderr } = await run(process.execPath, [PROGRAM, "portside", ...words, ...options]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const { record } = JSON.parse(await readFile(json, "utf8")) as Written;
    assert.deepEqual(record.map(({ scenario }) => scenario).sort(), words.toSorted());
    for (const { scenario, results } of record) {
      const [only] = results[0]?.samples ?? [];
      assert.ok(only !== undefined && only.rate > 0 && only.p99 >= only.p50, scenario);
      assert.deepEqual([only.errors, only.complaint, only.raw], [0, undefined, false], scenario);
      assert.match(stdout, new RegExp(`^${scenario} `, "m"));
    }
  });

  test("two workers of portside, and two processes that load them", async () => {
    const options = ["--quick", "--rounds", "1", "--workers", "2", "--loads", "2"];
    const { code, stdout, stderr } = await run(process.execPath, [
      PROGRAM,
      "small-retr",
      "portside",
      "portside-2",
      ...options,
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /× \d+(?:\.\d+)? by 2 workers/);
  });

  test("counts what a program and its children compute, with a cgroup and without", async (t) => {
    if (process.platform !== "linux") return t.skip("there is no /proc");
    for (const meter of [new Meter(), new Meter([])]) {
      using counted = meter;
      const [program, ...args] = counted.launch([process.execPath, "-e", PARENT]);
      const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
      counted.pid = child.pid ?? 0;
      try {
        await within(once(child.stdout, "data"), "the child's work");
        assert.ok((counted.seconds() ?? 0) >= 0.3, `${counted.seconds()} s`);
        assert.ok((counted.memory() ?? 0) > 2 ** 20);
        assert.ok(counted.processes().includes(child.pid ?? 0));
      } finally {
        const ended = once(child, "exit");
        child.stdin.end();
        await within(ended, "the child's end");
        counted.pid = 0;
      }
      assert.deepEqual(counted.processes(), []);
    }
  });

  test("says what it does not know", async () => {
    const { code, stderr } = await run(process.execPath, [PROGRAM, "portside", "nothing"]);
    assert.deepEqual([code, stderr], [2, "nothing here is called nothing: --list tells what is\n"]);
    assert.equal((await run(process.execPath, [PROGRAM, "--rounds", "0"])).code, 2);
  });

  test("a table has medians, ranges and ratios", () => {
    const scenario = scenarios(QUICK).find(({ name }) => name === "stor-a");
    assert.ok(scenario !== undefined);
    const results = [
      result("portside", sample(100, { cpu: 0.5 }), sample(300, { cpu: 0.5 }), sample(200, { cpu: 0.5 })),
      result("other", sample(50, { raw: true, errors: 2, cpu: 1 })),
      result("third"),
    ];
    assert.deepEqual(
      rows(scenario, results).map((line) => line.trim().split(/\s{2,}/)),
      [
        ["stor-a", "MB/s", "200", "raw 50 (0.25)", "unsupported"],
        ["min - max", "100 - 300", "50 - 50"],
        ["CPU s a GB", "0.5", "1 (2.00)", "unsupported"],
        ["errors", "0", "2", "0"],
      ],
    );
  });

  test("medians, scaling, and bytes on their way", () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, undefined]);
    assert.deepEqual([number(1234.5), number(12.345), number(0)], ["1,235", "12.3", "0"]);
    assert.equal(scaling([result("portside", sample(10)), result("portside-2", sample(15))], "portside-2"), "1.50");
    assert.equal(scaling([result("portside", sample(10))], "portside-2"), undefined);
    assert.equal(wireBytes({ type: "A", bytes: 10 * LINE }), 10 * (LINE + 1));
    assert.equal(wireBytes({ type: "I", bytes: 10 * LINE }), 10 * LINE);
  });
});
