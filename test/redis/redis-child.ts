/** Another process of the races: does what its arguments say, as often as they say, and prints what came of it. */
import { RedisAdmissionStore } from "../../dist/redis/index.js";

const [url, what, times] = process.argv.slice(2);
await using store = new RedisAdmissionStore({ client: { url: url ?? "" }, timeout: 5000 });
const counter = store.quota("tree", { bytes: 1000, files: 1_000_000 });

const WORK: Readonly<Record<string, () => Promise<unknown>>> = {
  increment: () => store.increment("key", 1, 60_000),
  reserve: () => counter.add(7, 1),
};

// All of them are ready before any begins.
await store.get("nothing");
process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
process.stdin.destroy();
const results = await Promise.all(Array.from({ length: Number(times) }, async () => WORK[what ?? ""]?.()));
process.stdout.write(`${JSON.stringify(results)}\n`);
