/**
 * The fuzzer: `npm run fuzz`, or `npm run fuzz -- --seconds 600 --seed 7 --target paths`. Prints the seed, what has run,
 * and of each failure the smallest input; ends with 1 where there was one.
 */
import { parseArgs } from "node:util";
import { TARGETS } from "./targets.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    target: { type: "string", default: "" },
  },
});
const seed = Number(values.seed);
const chosen = TARGETS.filter(({ name }) => name.includes(values.target));
const shares = chosen.reduce((sum, { weight }) => sum + weight, 0);
if (!Number.isSafeInteger(seed) || !(Number(values.seconds) > 0) || chosen.length === 0) {
  console.error("usage: npm run fuzz -- [--seconds N] [--seed N] [--target WORDS]");
  process.exit(2);
}

console.log(`seed ${seed}, ${values.seconds} seconds, ${chosen.length} targets`);
for (const { name, weight, fuzz } of chosen) {
  const milliseconds = (Number(values.seconds) * 1000 * weight) / shares;
  const { runs, failure } = await fuzz({ seed, milliseconds });
  console.log(`${String(runs).padStart(9)}  ${name}`);
  if (failure === undefined) continue;
  console.error(failure);
  process.exitCode = 1;
}
