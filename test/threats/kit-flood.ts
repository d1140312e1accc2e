/** A flood from another process against a server in this one, and what it may cost. */
import assert from "node:assert/strict";
import { assertNoLeaks } from "../kit/leaks.js";
import { type ServeOptions, serve } from "../kit/serve.js";
import { putDirectory } from "../kit/store.js";
import { flood, type Orders, type Report } from "./kit-flooder.js";
import { BOUNDS, measure } from "./kit-measure.js";

/** Bytes of a mebibyte. */
export const MIB = 2 ** 20;

/** Orders of the flooder, those that are not given with their defaults: one time, logged in, reading. */
export interface Attack extends Partial<Omit<Orders, "bytes">> {
  /** Each character is one byte. */
  readonly text: string;
}

/** Floods a server, asserts that it stays within the bounds and that another session works on, and gives the report. */
export async function attack(
  { text, ...orders }: Attack,
  options: ServeOptions = {},
  judge: (report: Report) => void = () => undefined,
): Promise<void> {
  await assertNoLeaks(async () => {
    await using served = await serve({ stallTimeout: 500, maxUnknownCommands: 0, ...options });
    for (let entry = 0; entry < 300; entry++) await putDirectory(served.fileSystem, `/directory ${entry}`);
    const other = await served.user();
    let report: Report | undefined;
    const cost = await measure(async () => {
      const flooding = flood({
        port: served.port,
        login: true,
        reads: true,
        times: 1,
        patience: 3000,
        bytes: Buffer.from(text, "latin1"),
        ...orders,
      }).then((result) => (report = result));
      while (report === undefined) {
        await other.expect("NOOP", 200);
        await Promise.race([flooding, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
    });
    assert(report !== undefined);
    assert(cost.turn < BOUNDS.turn, `others waited for ${cost.turn} ms: ${JSON.stringify(report)}`);
    assert(cost.memory < BOUNDS.memory, `${cost.memory} bytes: ${JSON.stringify(report)}`);
    judge(report);
    await other.assertQuiet();
  });
}

/** Asserts that the server has ended the connection. */
export function assertClosed(report: Report): void {
  assert(report.closed, JSON.stringify(report));
}
