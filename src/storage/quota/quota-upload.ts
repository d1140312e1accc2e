/** One upload that counts: room is taken before the store gets the bytes, and settled when it is known what came of them. */
import type { FileInfo } from "../file-info.js";
import type { OperationOptions, WriteHandle } from "../file-system.js";
import { FileSystemError } from "../file-system-error.js";
import type { VirtualPath } from "../names.js";
import { untilAborted } from "../until-aborted.js";
import type { QuotaUsage } from "./quota-counter.js";
import type { Reservation } from "./reservation.js";

/**
 * Makes an upload visible.
 * @param old the size of what it replaces; `undefined` where there is none
 * @param look the size of what is there now
 */
export type Publish = (old: number | undefined, look: () => Promise<number | undefined>) => Promise<FileInfo>;

/** What an upload begins with. */
export interface QuotaUploadOptions extends OperationOptions {
  readonly path: VirtualPath;
  /** The upload of the store; this one owns it. */
  readonly handle: WriteHandle;
  readonly reservation: Reservation;
  /** Runs the commit while nobody else changes the path. */
  readonly publishing: (publish: Publish) => Promise<FileInfo>;
  /** Called once, when the upload is over and settled. */
  readonly leave: () => void;
}

const NOTHING: QuotaUsage = { bytes: 0, files: 0 };

/** Hands on to the store's upload what there is room for. */
export class QuotaUpload implements WriteHandle {
  readonly offset: number;
  readonly #options: QuotaUploadOptions;
  /** Takes room for one write after another. */
  #turn: Promise<void> = Promise.resolve();
  #written = 0;
  #failure: { readonly error: unknown } | undefined;
  #committing = false;
  #settled = false;
  #ended: Promise<void> | undefined;

  constructor(options: QuotaUploadOptions) {
    this.#options = options;
    this.offset = options.handle.offset;
  }

  get borrows(): boolean {
    return this.#options.handle.borrows === true;
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const { handle, signal } = this.#options;
    signal?.throwIfAborted();
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const reserved = this.#turn.then(() => this.#reserve(bytes));
    this.#turn = reserved.catch(() => undefined);
    await untilAborted(reserved, signal);
    await handle.write(chunks);
  }

  commit(): Promise<FileInfo> {
    if (this.#ended !== undefined) return Promise.reject(isOver(this.#options.path));
    this.#committing = true;
    const committed = this.#commit();
    this.#ended = committed.then(
      () => undefined,
      () => undefined,
    );
    return committed;
  }

  /** An upload that is being committed is the store's: it alone knows whether it can still be stopped. */
  async abort(reason?: unknown): Promise<void> {
    if (this.#committing) await this.#options.handle.abort(reason);
    this.#ended ??= this.#giveUp(reason);
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  async #reserve(bytes: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#ended !== undefined) throw isOver(this.#options.path);
    const total = this.#written + bytes;
    try {
      await this.#options.reservation.ensure(total, 0);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
    this.#written = total;
  }

  async #commit(): Promise<FileInfo> {
    await this.#turn;
    try {
      return await this.#options.publishing((old, look) => this.#publish(old, look));
    } catch (error) {
      await this.#options.handle.abort(error);
      throw error;
    } finally {
      await this.#leave();
    }
  }

  async #publish(...[old, look]: Parameters<Publish>): Promise<FileInfo> {
    const { handle, reservation } = this.#options;
    if (this.#failure !== undefined) throw this.#failure.error;
    await reservation.ensure(this.offset + this.#written - (old ?? 0), old === undefined ? 1 : 0);
    try {
      const info = await handle.commit();
      await this.#settle(between(old, info.size));
      return info;
    } catch (error) {
      // Perhaps it has happened, and only the answer was lost.
      await this.#settle(between(old, await look().catch(() => old)));
      throw error;
    }
  }

  async #giveUp(reason: unknown): Promise<void> {
    try {
      await this.#options.handle.abort(reason);
    } finally {
      await this.#turn;
      await this.#leave();
    }
  }

  async #settle(came: QuotaUsage): Promise<void> {
    this.#settled = true;
    await this.#options.reservation.settle(came.bytes, came.files);
  }

  async #leave(): Promise<void> {
    if (!this.#settled) await this.#settle(NOTHING);
    this.#options.leave();
  }
}

/** What the count must change by where a file has another size now, or is there, or gone. */
function between(old: number | undefined, now: number | undefined): QuotaUsage {
  return { bytes: (now ?? 0) - (old ?? 0), files: (now === undefined ? 0 : 1) - (old === undefined ? 0 : 1) };
}

function isOver(path: VirtualPath): FileSystemError {
  return new FileSystemError("EINVAL", path, { message: "the upload is over" });
}
