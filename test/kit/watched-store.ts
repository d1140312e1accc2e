/**
 * A memory store that a test can look into and interrupt: it counts what is open and asks the test before
 * each step. For proofs about the server, never in place of a store's own tests.
 */
import {
  type Capability,
  type FileInfo,
  FileSystem,
  MemoryFileSystem,
  type ReadHandle,
  type VirtualPath,
  type WriteHandle,
} from "../../dist/index.js";

/** A moment in an operation. `read` comes before each chunk, `sent` after the last one; `entry` before each entry. */
export type Moment =
  | "stat"
  | "list"
  | "entry"
  | "openRead"
  | "read"
  | "sent"
  | "openWrite"
  | "write"
  | "commit"
  | "abort"
  | "remove"
  | "rename"
  | "makeDirectory"
  | "removeDirectory"
  | "setTimes"
  | "setMode";

/** What the test is told at a moment. */
export interface Step {
  readonly moment: Moment;
  readonly path: string;
  /** How often this moment has come before in this one operation. */
  readonly index: number;
  readonly signal: AbortSignal | undefined;
}

/** Options of a `WatchedStore`. */
export interface WatchedStoreOptions {
  /** Called and awaited at every moment; what it throws is thrown by the operation. */
  readonly before?: (step: Step) => unknown;
  /** Bytes of one chunk of `openRead`. Default 65,536. */
  readonly chunkSize?: number;
}

type Signalled = { readonly signal?: AbortSignal } | undefined;

export class WatchedStore extends FileSystem {
  readonly inner = new MemoryFileSystem();
  /** Every moment so far, as `moment path`; `abort` counts only uploads that were not committed. */
  readonly log: string[] = [];
  /** Handles that are open now. */
  open = 0;
  readonly #before: (step: Step) => unknown;
  readonly #chunkSize: number;

  constructor(options: WatchedStoreOptions = {}) {
    super();
    this.#before = options.before ?? (() => undefined);
    this.#chunkSize = options.chunkSize ?? 65_536;
  }

  /** How often a moment has come. */
  count(moment: Moment): number {
    return this.log.filter((line) => line.startsWith(`${moment} `)).length;
  }

  override async stat(path: VirtualPath, options?: Parameters<FileSystem["stat"]>[1]): Promise<FileInfo> {
    await this.#step("stat", path, options);
    return this.inner.stat(path, options);
  }

  override async *list(path: VirtualPath, options?: Signalled): AsyncGenerator<FileInfo> {
    await this.#step("list", path, options);
    let index = 0;
    this.open++;
    try {
      for await (const entry of this.inner.list(path, options)) {
        await this.#step("entry", path, options, index++);
        yield entry;
      }
    } finally {
      this.open--;
    }
  }

  override async openRead(path: VirtualPath, options?: Parameters<FileSystem["openRead"]>[1]): Promise<ReadHandle> {
    await this.#step("openRead", path, options);
    const handle = await this.inner.openRead(path, options);
    this.open++;
    const close = this.#once(() => handle.close());
    return { info: handle.info, body: this.#body(handle, path, options), close, [Symbol.asyncDispose]: close };
  }

  override async openWrite(path: VirtualPath, options: Parameters<FileSystem["openWrite"]>[1]): Promise<WriteHandle> {
    await this.#step("openWrite", path, options);
    const handle = await this.inner.openWrite(path, options);
    this.open++;
    let index = 0;
    let committed = false;
    const abort = this.#once(async () => {
      if (!committed) await this.#step("abort", path, undefined);
      await handle.abort();
    });
    return {
      offset: handle.offset,
      write: async (chunks) => {
        await this.#step("write", path, options, index++);
        await handle.write(chunks);
      },
      commit: async () => {
        try {
          await this.#step("commit", path, options);
          const info = await handle.commit();
          committed = true;
          return info;
        } finally {
          await abort();
        }
      },
      abort,
      [Symbol.asyncDispose]: abort,
    };
  }

  override async remove(path: VirtualPath, options?: Signalled): Promise<void> {
    await this.#step("remove", path, options);
    await this.inner.remove(path, options);
  }

  override async makeDirectory(path: VirtualPath, options?: Signalled): Promise<void> {
    await this.#step("makeDirectory", path, options);
    await this.inner.makeDirectory(path, options);
  }

  override async removeDirectory(path: VirtualPath, options?: Signalled): Promise<void> {
    await this.#step("removeDirectory", path, options);
    await this.inner.removeDirectory(path, options);
  }

  override async rename(...args: Parameters<FileSystem["rename"]>): Promise<void> {
    await this.#step("rename", args[0], args[2]);
    await this.inner.rename(...args);
  }

  override async setTimes(...args: Parameters<FileSystem["setTimes"]>): Promise<void> {
    await this.#step("setTimes", args[0], args[2]);
    await this.inner.setTimes(...args);
  }

  override async setMode(...args: Parameters<FileSystem["setMode"]>): Promise<void> {
    await this.#step("setMode", args[0], args[2]);
    await this.inner.setMode(...args);
  }

  override availableSpace(...args: Parameters<FileSystem["availableSpace"]>): Promise<number> {
    return this.inner.availableSpace(...args);
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return this.inner.supports(capability, path);
  }

  async *#body(handle: ReadHandle, path: VirtualPath, options: Signalled): AsyncGenerator<Uint8Array> {
    let index = 0;
    for await (const whole of handle.body) {
      for (let start = 0; start < whole.length; start += this.#chunkSize) {
        await this.#step("read", path, options, index++);
        yield whole.subarray(start, start + this.#chunkSize);
      }
    }
    await this.#step("sent", path, options);
  }

  #once(close: () => Promise<void>): () => Promise<void> {
    let closed: Promise<void> | undefined;
    return () => {
      closed ??= close().finally(() => this.open--);
      return closed;
    };
  }

  async #step(moment: Moment, path: string, options: Signalled, index = 0): Promise<void> {
    this.log.push(`${moment} ${path}`);
    await this.#before({ moment, path, index, signal: options?.signal });
  }
}
