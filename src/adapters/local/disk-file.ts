/** One open file of a disk, by its descriptor. */
import * as fs from "node:fs";
import { promisify } from "node:util";
import type { Answer, Tempo } from "./tempo.js";

/** Bytes up to which a file is small: what goes beyond is work for another thread, in the larger pieces that gather meanwhile. */
const SMALL = 64 * 1024;
/** Bytes of a file whose space takes long to free: so do the calls after which nobody knows it any more. */
export const LARGE = 16 * 1024 * 1024;

const later = {
  close: promisify(fs.close),
  fstat: promisify(fs.fstat) as (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>,
  read: promisify(fs.read),
  writev: promisify(fs.writev),
  fdatasync: promisify(fs.fdatasync),
  fsync: promisify(fs.fsync),
  ftruncate: promisify(fs.ftruncate),
  fchmod: promisify(fs.fchmod),
  fchown: promisify(fs.fchown),
};

let descriptors: string | undefined;

/** That of this process by its number, which the system finds sooner than `/proc/self`; every look-up in a directory goes through it. */
function descriptorsFolder(): string {
  descriptors ??= `/proc/${fs.readlinkSync("/proc/self")}/fd`;
  return descriptors;
}

/** A file that is open. Every call but `close` throws at once, or rejects with, errors of the system. */
export class DiskFile implements AsyncDisposable {
  readonly #tempo: Tempo;
  readonly #descriptor: number;
  /** Calls that the thread pool makes now. */
  #calls = 0;
  /** Bytes that were written. */
  #written = 0;
  /** Bytes that it is known to have. */
  #size = 0;
  /** Made by the first `close()`. */
  #closed: Promise<void> | undefined;
  #closeNow: (() => void) | undefined;

  constructor(tempo: Tempo, descriptor: number) {
    this.#tempo = tempo;
    this.#descriptor = descriptor;
  }

  /** A path that leads to this very file, while it is open. Linux. */
  get path(): string {
    return `${descriptorsFolder()}/${this.#open()}`;
  }

  stat(): Answer<fs.BigIntStats> {
    return this.#call(
      (descriptor) => this.#learn(fs.fstatSync(descriptor, { bigint: true })),
      async (descriptor) => this.#learn(await later.fstat(descriptor, { bigint: true })),
    );
  }

  /** @returns bytes that were read; 0 at the end */
  read(memory: Uint8Array, position: number): Answer<number> {
    const { length } = memory;
    const meanwhile = async (descriptor: number): Promise<number> =>
      (await later.read(descriptor, memory, 0, length, position)).bytesRead;
    if (length > SMALL) return this.#later(meanwhile);
    return this.#call((descriptor) => fs.readSync(descriptor, memory, 0, length, position), meanwhile);
  }

  /** @returns bytes that were written */
  writev(chunks: readonly Uint8Array[], position: number): Answer<number> {
    const meanwhile = async (descriptor: number): Promise<number> =>
      (await later.writev(descriptor, chunks, position)).bytesWritten;
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#size = Math.max(this.#size, position + bytes);
    this.#written += bytes;
    if (this.#written > SMALL) return this.#later(meanwhile);
    return this.#call((descriptor) => fs.writevSync(descriptor, chunks, position), meanwhile);
  }

  /** Waits until the disk itself has the bytes. */
  datasync(): Promise<void> {
    return this.#later(later.fdatasync);
  }

  /** Waits until the disk itself has everything. */
  sync(): Promise<void> {
    return this.#later(later.fsync);
  }

  truncate(length: number): Promise<void> {
    return this.#later((descriptor) => later.ftruncate(descriptor, length));
  }

  chmod(mode: number): Answer<void> {
    return this.#call(
      (descriptor) => fs.fchmodSync(descriptor, mode),
      (descriptor) => later.fchmod(descriptor, mode),
    );
  }

  chown(owner: number, group: number): Answer<void> {
    return this.#call(
      (descriptor) => fs.fchownSync(descriptor, owner, group),
      (descriptor) => later.fchown(descriptor, owner, group),
    );
  }

  /** Closes the file when no call is under way any more. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call<Value>(now: (descriptor: number) => Value, meanwhile: (descriptor: number) => Promise<Value>): Answer<Value> {
    const descriptor = this.#open();
    return this.#tempo.call(
      () => now(descriptor),
      () => this.#later(meanwhile),
    );
  }

  #learn(stats: fs.BigIntStats): fs.BigIntStats {
    this.#size = Math.max(this.#size, Number(stats.size));
    return stats;
  }

  /** Until the thread pool is done, the number of the descriptor must not be given to another file. */
  async #later<Value>(meanwhile: (descriptor: number) => Promise<Value>): Promise<Value> {
    const descriptor = this.#open();
    this.#calls++;
    try {
      return await meanwhile(descriptor);
    } finally {
      if (--this.#calls === 0) this.#closeNow?.();
    }
  }

  #open(): number {
    if (this.#closed === undefined) return this.#descriptor;
    throw Object.assign(new Error("EBADF: the file is closed"), { code: "EBADF" });
  }

  async #close(): Promise<void> {
    if (this.#calls > 0)
      await new Promise<void>((resolve) => {
        this.#closeNow = resolve;
      });
    const descriptor = this.#descriptor;
    const meanwhile = (): Promise<void> => later.close(descriptor);
    try {
      // It may have been removed meanwhile: then this frees its space.
      if (this.#size > LARGE) await meanwhile();
      else await this.#tempo.call(() => fs.closeSync(descriptor), meanwhile);
    } catch {
      // Whatever it says, the descriptor is gone.
    }
  }
}
