/**
 * A store that misbehaves where the test says so: it throws at once, rejects with anything, hangs, gives
 * nonsense, ends too early or fails after the end. Everything else another file system does.
 */
import {
  type Capability,
  type FileInfo,
  FileSystem,
  type OperationOptions,
  type ReadHandle,
  type VirtualPath,
  type WriteHandle,
} from "../../dist/index.js";

/**
 * A moment in which something can go wrong. `read` comes before each chunk, `sent` after the last one, `entry`
 * before each entry and `listed` after the last one.
 */
export const OPERATIONS = [
  "stat",
  "list",
  "entry",
  "listed",
  "openRead",
  "read",
  "sent",
  "close",
  "openWrite",
  "write",
  "commit",
  "abort",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
] as const;

export type Operation = (typeof OPERATIONS)[number];

/**
 * What goes wrong: thrown at once, or what the operation gives instead of its result. `undefined`, also as a
 * promise, means that nothing goes wrong.
 */
export type Fault = (signal: AbortSignal | undefined) => unknown;

/** Given by a fault where the operation is to give `undefined`, or the stream is to end. */
export const NOTHING: unique symbol = Symbol("nothing");

/** Throws before there is a promise. */
export function throwing(error: unknown): Fault {
  return () => {
    throw error;
  };
}

/** Rejects. */
export function rejecting(error: unknown): Fault {
  return async () => {
    throw error;
  };
}

/** Gives something that nobody expects. */
export function giving(value: unknown): Fault {
  return () => value ?? NOTHING;
}

/** Never settles before the signal fires; without one, never. */
export const hanging: Fault = (signal) =>
  new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal?.reason as Error);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });

/** Never settles, whatever happens. */
export const deaf: Fault = () => new Promise(() => undefined);

/** Says what goes wrong at an operation; asked each time. */
export type Plan = (operation: Operation, path: string) => Fault | undefined;

export class FaultStore extends FileSystem {
  readonly inner: FileSystem;
  /** What goes wrong from now on. */
  plan: Plan;
  /** Handles and listings that are open now. */
  open = 0;

  constructor(inner: FileSystem, plan: Plan = () => undefined) {
    super();
    this.inner = inner;
    this.plan = plan;
  }

  override stat(...args: Parameters<FileSystem["stat"]>): Promise<FileInfo> {
    return this.#instead("stat", args[0], args[1], () => this.inner.stat(...args));
  }

  override list(path: VirtualPath, options?: OperationOptions): AsyncIterable<FileInfo> {
    const instead = this.#strike("list", path, options);
    return instead === undefined ? this.#entries(path, options) : (instead as AsyncIterable<FileInfo>);
  }

  override openRead(...args: Parameters<FileSystem["openRead"]>): Promise<ReadHandle> {
    return this.#instead("openRead", args[0], args[1], async () =>
      this.#reading(await this.inner.openRead(...args), args[0], args[1]),
    );
  }

  override openWrite(...args: Parameters<FileSystem["openWrite"]>): Promise<WriteHandle> {
    return this.#instead("openWrite", args[0], args[1], async () =>
      this.#writing(await this.inner.openWrite(...args), args[0], args[1]),
    );
  }

  override remove(...args: Parameters<FileSystem["remove"]>): Promise<void> {
    return this.#instead("remove", args[0], args[1], () => this.inner.remove(...args));
  }

  override makeDirectory(...args: Parameters<FileSystem["makeDirectory"]>): Promise<void> {
    return this.#instead("makeDirectory", args[0], args[1], () => this.inner.makeDirectory(...args));
  }

  override removeDirectory(...args: Parameters<FileSystem["removeDirectory"]>): Promise<void> {
    return this.#instead("removeDirectory", args[0], args[1], () => this.inner.removeDirectory(...args));
  }

  override rename(...args: Parameters<FileSystem["rename"]>): Promise<void> {
    return this.#instead("rename", args[0], args[2], () => this.inner.rename(...args));
  }

  override setTimes(...args: Parameters<FileSystem["setTimes"]>): Promise<void> {
    return this.#instead("setTimes", args[0], args[2], () => this.inner.setTimes(...args));
  }

  override setMode(...args: Parameters<FileSystem["setMode"]>): Promise<void> {
    return this.#instead("setMode", args[0], args[2], () => this.inner.setMode(...args));
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return this.inner.supports(capability, path);
  }

  async *#entries(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    this.open++;
    try {
      for await (const entry of this.inner.list(path, options)) {
        const instead = await this.#strike("entry", path, options);
        if (instead === NOTHING) return;
        yield instead === undefined ? entry : (instead as FileInfo);
      }
      await this.#strike("listed", path, options);
    } finally {
      this.open--;
    }
  }

  #reading(handle: ReadHandle, path: VirtualPath, options?: OperationOptions): ReadHandle {
    this.open++;
    let over = false;
    const close = async (): Promise<void> => {
      if (!over) this.open--;
      over = true;
      await handle.close();
      await this.#strike("close", path, options);
    };
    return { info: handle.info, body: this.#chunks(handle, path, options), close, [Symbol.asyncDispose]: close };
  }

  async *#chunks(handle: ReadHandle, path: VirtualPath, options?: OperationOptions): AsyncGenerator<Uint8Array> {
    for await (const chunk of handle.body) {
      const instead = await this.#strike("read", path, options);
      if (instead === NOTHING) return;
      yield instead === undefined ? chunk : (instead as Uint8Array);
    }
    await this.#strike("sent", path, options);
  }

  #writing(handle: WriteHandle, path: VirtualPath, options?: OperationOptions): WriteHandle {
    this.open++;
    let over = false;
    const end = (): void => {
      if (!over) this.open--;
      over = true;
    };
    const abort = async (reason?: unknown): Promise<void> => {
      end();
      await handle.abort(reason);
      await this.#strike("abort", path, undefined);
    };
    return {
      offset: handle.offset,
      write: (chunks) => this.#instead("write", path, options, () => handle.write(chunks)),
      commit: () => this.#committing(handle, path, end),
      abort,
      [Symbol.asyncDispose]: abort,
    };
  }

  /** As the contract has it: a commit that fails has cleaned up. */
  async #committing(handle: WriteHandle, path: VirtualPath, end: () => void): Promise<FileInfo> {
    try {
      return await this.#instead("commit", path, undefined, () => handle.commit());
    } catch (error) {
      await handle.abort(error);
      throw error;
    } finally {
      end();
    }
  }

  /** What happens instead of an operation; `undefined` for nothing. Not async: a fault may throw at once. */
  #strike(operation: Operation, path: string, options: OperationOptions | undefined): unknown {
    return this.plan(operation, path)?.(options?.signal);
  }

  #instead<Result>(
    operation: Operation,
    path: string,
    options: OperationOptions | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const instead = this.#strike(operation, path, options);
    if (instead === undefined) return work();
    if (!(instead instanceof Promise)) return Promise.resolve((instead === NOTHING ? undefined : instead) as Result);
    return instead.then((value: unknown) => {
      if (value === undefined) return work();
      return (value === NOTHING ? undefined : value) as Result;
    });
  }
}
