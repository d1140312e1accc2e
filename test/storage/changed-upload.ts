/** An upload of a store with a few things done otherwise. */
import type { WriteHandle } from "../../dist/storage/file-system.js";

/** Hands out handles that are changed in a few things. */
export function changed(handle: WriteHandle, change: Partial<WriteHandle>): WriteHandle {
  return {
    offset: handle.offset,
    write: (chunks) => handle.write(chunks),
    commit: () => handle.commit(),
    abort: (reason) => handle.abort(reason),
    [Symbol.asyncDispose]() {
      return this.abort();
    },
    ...change,
  };
}
