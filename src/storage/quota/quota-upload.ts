/** One upload that counts: room is taken before the store gets the bytes, and settled when it is known what came of them. */
import type { FileInfo } from "../file-info.js";
import type { OperationOptions, WriteHandle } from "../file-system.js";
import { FileSystemError } from "../file-system-error.js";
import type { VirtualPath } from "../names.js";
import { untilAborted } from "../until-aborted.js";
import type { Reservation } from "./reservation.js";

/** What an upload begins with. */
export interface QuotaUploadOptions extends OperationOptions {
  readonly path: VirtualPath;
  /** The upload of the store; this one owns it. */
  readonly handle: WriteHandle;
  readonly reservation: Reservation;
  /** Runs the commit while nobody else changes the path, with the size of what it replaces. */
  readonly publishing: (publish: (old: number | undefined) => Promise<FileInfo>) => Promise<FileInfo>;
  /** Called once, when the upload is over and settled. */
  readonly leave: () => void;
}

/** Hands on to the store's upload what there is room for. */
export class QuotaUpload implements WriteHandle {
  readonly offset: number;
  readonly #options: QuotaUploadOptions;
  /** Takes room for one write after another. */
  #turn: Promise<void> = Promise.resolve();
  #written = 0;
  #failure: { readonly error: unknown } | undefined;
  #committing = false;
  #ended: Promise<void> | undefined;

  constructor(options: QuotaUploadOptions) {
    this.#options = options;
    this.offset = options.handle.offset;
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
    const { publishing, reservation, leave } = this.#options;
    await this.#turn;
    try {
      return await publishing((old) => this.#publish(old));
    } catch (error) {
      await this.#options.handle.abort(error);
      await reservation.settle(0, 0);
      throw error;
    } finally {
      leave();
    }
  }

  async #publish(old: number | undefined): Promise<FileInfo> {
    const { handle, reservation } = this.#options;
    if (this.#failure !== undefined) throw this.#failure.error;
    const files = old === undefined ? 1 : 0;
    await reservation.ensure(this.offset + this.#written - (old ?? 0), files);
    const info = await handle.commit();
    await reservation.settle(info.size - (old ?? 0), files);
    return info;
  }

  async #giveUp(reason: unknown): Promise<void> {
    const { handle, reservation, leave } = this.#options;
    await handle.abort(reason);
    await this.#turn;
    await reservation.settle(0, 0);
    leave();
  }
}

function isOver(path: VirtualPath): FileSystemError {
  return new FileSystemError("EINVAL", path, { message: "the upload is over" });
}
