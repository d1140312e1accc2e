/**
 * The chaos run: `npm run chaos`, or `npm run chaos -- --minutes 10 --seed 7`. Prints the seed, and once a minute what has
 * happened; ends with 1 where something did not hold.
 */
import { parseArgs } from "node:util";
import { assertNoLeaks } from "../kit/leaks.js";
import { type Figures, rampage } from "./rampage.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error("usage: npm run chaos -- [--minutes N] [--seed N]");
  process.exit(2);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function print({ totals, visits, reachable, resident }: Figures): void {
  console.log(`server   ${list(totals)}`);
  console.log(`clients  ${list(visits)}`);
  console.log(`reachable ${reachable.map(mebibytes).join(", ")}; resident ${resident.map(mebibytes).join(", ")}`);
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ");
}

console.log(`seed ${seed}, ${minutes} minutes`);
await assertNoLeaks(async () => {
  print(await rampage({ seed, milliseconds: minutes * 60_000, onMinute: print }));
});
console.log("nothing is left, in either process");
