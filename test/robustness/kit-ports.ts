/** Passive ports that a test can count. */
import type { ScriptedClient } from "../kit/scripted-client.js";
import type { Served } from "../kit/serve.js";

let next = 20_000 + (process.pid % 900) * 10;

/** Ten ports below those that systems give to connections. Another program may hold one or the other of them. */
export function tenPorts(): [first: number, last: number] {
  const first = next;
  next = next >= 29_980 ? 20_000 : next + 10;
  return [first, first + 9];
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
