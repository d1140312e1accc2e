/** A Node stream as what a store hands out for reading. */
import type { Readable } from "node:stream";
import type { FileInfo } from "./file-info.js";
import type { ReadHandle } from "./file-system.js";

/**
 * Turns a readable stream into a `ReadHandle`. The stream is read only as fast as it is asked for and destroyed
 * at `close()`; its error, or its closing before the end, is thrown by `body`.
 * @param info what is read; `size` is that of the whole file
 * @param readable yields the bytes asked for; strings count as UTF-8
 * @example
 * override async openRead(path, { start = 0 } = {}) {
 *   const row = await this.#row(path);
 *   return readHandleFrom(row.info, this.#bytes(row, start));
 * }
 */
export function readHandleFrom(info: FileInfo, readable: Readable): ReadHandle {
  // Without a listener, an error between now and the first read would end the process.
  readable.on("error", ignore);
  const close = async () => void readable.destroy();
  return { info, body: bytesOf(readable), close, [Symbol.asyncDispose]: close };
}

async function* bytesOf(readable: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of readable as AsyncIterable<Uint8Array | string>)
    yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

function ignore(): void {}
