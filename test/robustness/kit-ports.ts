/** Passive ports that a test can count. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { ScriptedClient } from "../kit/scripted-client.js";
import type { Served } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

/** Ten ports of this test alone. */
export interface TenPorts extends AsyncDisposable {
  readonly range: readonly [first: number, last: number];
}

/**
 * Ten ports below those that systems give to connections. Other tests run at the same time, in processes of their
 * own, and count theirs: who listens on the port before them has all ten.
 */
export async function tenPorts(): Promise<TenPorts> {
  const claim = createServer();
  for (;;) {
    const claimedPort = 20_000 + 11 * randomInt(900);
    const claimed = once(claim, "listening").then(
      () => true,
      () => false,
    );
    claim.listen({ port: claimedPort, host: "127.0.0.1", exclusive: true });
    if (!(await claimed)) continue;
    return {
      range: [claimedPort + 1, claimedPort + 10],
      [Symbol.asyncDispose]: () => new Promise((resolve) => claim.close(() => resolve())),
    };
  }
}

/** Asserts that as many ports can be had as before; one may be somebody else's for a moment. */
export async function assertPortsAreBack(served: Served, before: number): Promise<void> {
  await until(async () => (await countPassivePorts(served)) >= before, undefined, "every port lease is given back");
}

/** How many passive ports clients can have at the same time: until PASV is refused, and all given back again. */
export async function countPassivePorts(served: Served): Promise<number> {
  const clients: ScriptedClient[] = [];
  try {
    for (;;) {
      const client = await served.user();
      clients.push(client);
      const reply = await client.expect("EPSV", 229, 425);
      if (reply.code === 425) return clients.length - 1;
    }
  } finally {
    for (const client of clients) {
      await client.expect("ABOR", 226);
      await client.expect("QUIT", 221);
      await client.expectClosed();
    }
  }
}
