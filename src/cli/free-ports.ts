/**
 * Which ports "any free one" is to be, before the workers begin: whoever comes after one that died has to find the same.
 * The system seldom gives a port again soon that it has just given.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** The port of each place: as asked for, and a free one where that is 0. @throws Error of the system */
export async function freePorts(
  places: readonly { readonly host: string; readonly port: number }[],
): Promise<readonly number[]> {
  const held = places.map(({ host, port }) => (port === 0 ? createServer().listen(0, host) : undefined));
  try {
    await Promise.all(held.map(async (server) => server && once(server, "listening")));
    return held.map(
      (server, index) => (server?.address() as AddressInfo | undefined)?.port ?? places[index]?.port ?? 0,
    );
  } finally {
    for (const server of held) server?.close();
  }
}
