/** One version of a file in memory as a `ReadHandle`. */
import type { FileInfo } from "../../storage/file-info.js";
import type { ReadHandle, ReadOptions } from "../../storage/file-system.js";
import { type Content, piecesOf } from "./content.js";

/** Reads a content, which nobody can change meanwhile; there is nothing to free but the reference. */
export function readContent(info: FileInfo, content: Content, options: ReadOptions): ReadHandle {
  const body = pieces(content, options);
  const close = async () => void (await body.return(undefined));
  return { info, body, close, [Symbol.asyncDispose]: close };
}

async function* pieces(content: Content, { start = 0, end, signal }: ReadOptions): AsyncGenerator<Uint8Array> {
  for (const piece of piecesOf(content, start, Math.min(end ?? content.size, content.size))) {
    signal?.throwIfAborted();
    // A copy: what is handed out may be changed by whoever gets it, the content may not.
    yield piece.slice();
  }
}
