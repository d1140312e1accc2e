/**
 * The benchmark: `npm run bench`, or `npm run bench -- --help`. Prints what each server does and what that costs it, and in
 * brackets how many times what it is with portside. Judges nothing: figures from one machine on one day are worth
 * comparing with one another only.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { freshMemory, startTime } from "./fresh.js";
import { Ground } from "./ground.js";
import { grow } from "./growth.js";
import { readOptions } from "./options.js";
import { playRounds, type Setting } from "./rounds.js";
import { FULL, QUICK, type Scenario, scenarios } from "./scenarios.js";
import { contenders, nameOf } from "./servers.js";
import { median, number, row, rows, scaling } from "./table.js";

const ALONE = [
  { name: "start", about: 'portside, from import("portside") until it listens' },
  { name: "fresh", about: "memory of a server that has just begun" },
];

const options = readOptions(process.argv.slice(2));
const sizes = { ...(options.quick ? QUICK : FULL), ...(options.idle > 0 && { idle: options.idle }) };
const servers = contenders(options.workers);
const all = scenarios(sizes);

const serverWords = options.words.filter((word) => servers.some(({ name }) => name === word));
const scenarioWords = options.words.filter((word) => !serverWords.includes(word));
const chosen = servers.filter(({ name }) => serverWords.length === 0 || serverWords.includes(name));
const known = [...all, ...ALONE].map(({ name }) => name);
const asked = new Set(scenarioWords.length === 0 ? known : scenarioWords.flatMap(namesOf));
const isAsked = ({ name }: { readonly name: string }): boolean => asked.has(name);

const unknown = scenarioWords.find((word) => namesOf(word).length === 0);
if (unknown !== undefined) {
  console.error(`nothing here is called ${unknown}: --list tells what is`);
  process.exit(2);
}
if (options.list) {
  console.log(`servers: ${servers.map(({ name }) => name).join(", ")}\n`);
  for (const { name, about } of [...all, ...ALONE]) console.log(`${name.padEnd(16)}${about}`);
  process.exit();
}

// What has begun ends by the listeners of `exit`.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const ground = await Ground.make();
const setting: Setting = { contenders: chosen, ground, rounds: options.rounds, loads: options.loads };
const machine = {
  node: process.version,
  system: `${process.platform} ${release()}`,
  processor: `${availableParallelism()} × ${cpus()[0]?.model}`,
  load: loadavg().map((value) => Number(value.toFixed(2))),
  begun: new Date().toISOString(),
};
const { node, system, processor } = machine;
console.log(`Node ${node}, ${system}, ${processor}, load ${machine.load.join(" ")}, median of ${options.rounds}\n`);

const record: { scenario: string; results: unknown }[] = [];
if (options.growth) keep("growth", await grow(setting, options.quick));
else await compare();
process.exit();

/** Writes what there is so far, so that a run that is interrupted has something to show. */
function keep(scenario: string, results: unknown): void {
  record.push({ scenario, results });
  if (options.json === undefined) return;
  writeFileSync(options.json, `${JSON.stringify({ machine, options, sizes, record }, undefined, 2)}\n`);
}

/** The scenario of that name, or else all whose name has it in it. */
function namesOf(word: string): string[] {
  return known.includes(word) ? [word] : known.filter((name) => name.includes(word));
}

async function compare(): Promise<void> {
  const names = chosen.map(({ name }) => name);
  console.log(row("", "", names));
  for (const scenario of all.filter(isAsked)) await compareIn(scenario);
  if (asked.has("start")) await compareStarts();
  if (asked.has("fresh")) await compareMemory();
}

async function compareIn(scenario: Scenario): Promise<void> {
  const results = await playRounds(scenario, setting);
  for (const line of rows(scenario, results)) console.log(line);
  const factor = options.workers > 1 ? scaling(results, nameOf(options.workers)) : undefined;
  if (factor !== undefined) console.log(row("", "scaling", [`× ${factor} by ${options.workers} workers`]));
  keep(scenario.name, results);
}

async function compareStarts(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < Math.max(5, options.rounds); round++) times.push(await startTime());
  console.log(row("start", "ms", [number(median(times) ?? 0)]));
  console.log(row("", "  min - max", [`${number(Math.min(...times))} - ${number(Math.max(...times))}`]));
  keep("start", times);
}

async function compareMemory(): Promise<void> {
  const results: { server: string; mebibytes: number | undefined }[] = [];
  for (const contender of chosen)
    results.push({ server: contender.name, mebibytes: await freshMemory(contender, ground).catch(() => undefined) });
  const first = results[0]?.mebibytes;
  const cells = results.map(({ mebibytes }, index) => {
    if (mebibytes === undefined) return "-";
    return number(mebibytes) + (index === 0 || first === undefined ? "" : ` (${(mebibytes / first).toFixed(2)})`);
  });
  console.log(row("fresh", "MiB", cells));
  keep("fresh", results);
}
