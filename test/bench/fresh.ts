/** Servers that have just begun: how long portside takes, and how much memory each has before anybody has logged in. */
import { join } from "node:path";
import { run } from "../kit/programs.js";
import type { Ground } from "./ground.js";
import { Running } from "./running.js";
import type { Contender } from "./servers.js";

/** Milliseconds from `import("portside")` until it listens, in a process of its own. */
export async function startTime(): Promise<number> {
  const { stdout, stderr } = await run(process.execPath, [join(import.meta.dirname, "start-child.js")]);
  const milliseconds = Number.parseFloat(stdout);
  if (Number.isNaN(milliseconds)) throw new Error(stderr);
  return milliseconds;
}

/** MiB of a server's processes after its first greeting; `undefined` where nobody tells. */
export async function freshMemory(contender: Contender, ground: Ground): Promise<number | undefined> {
  await using server = await Running.start(contender, ground, { tls: false, idle: 0 });
  const bytes = server.meter.memory();
  return bytes === undefined ? undefined : bytes / 2 ** 20;
}
