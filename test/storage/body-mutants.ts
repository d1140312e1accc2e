/** Stores that read into memory of the reader, and are broken in one way each. */
import type { ReadHandle, ReadOptions } from "../../dist/storage/file-system.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import type { VirtualPath } from "../../dist/storage/names.js";

/** Reads into memory, but what does not fit is lost. */
export class LosesWhatDoesNotFit extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const { info, body, close } = await super.openRead(path, options);
    const pieces = body[Symbol.asyncIterator]();
    const read = async (memory: Uint8Array): Promise<number> => {
      const { done, value } = await pieces.next();
      if (done === true) return 0;
      const part = value.subarray(0, memory.length);
      memory.set(part);
      return part.length;
    };
    return { info, body: { [Symbol.asyncIterator]: () => pieces, read }, close, [Symbol.asyncDispose]: close };
  }
}

/** Reads on though nobody waits any more. */
export class ReadsOnAfterTheSignal extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const { info, body, close } = await super.openRead(path, options);
    const read = (memory: Uint8Array): Promise<number> => Promise.resolve(memory.length);
    const pieces = body[Symbol.asyncIterator]();
    return { info, body: { [Symbol.asyncIterator]: () => pieces, read }, close, [Symbol.asyncDispose]: close };
  }
}
