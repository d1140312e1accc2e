/** A bound on the bytes and files of a tree. */
import type { Checksum } from "./checksum.js";
import type { FileInfo } from "./file-info.js";
import type {
  Capability,
  ChecksumOptions,
  FileSystem,
  OperationOptions,
  RenameOptions,
  WriteHandle,
  WriteOptions,
} from "./file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "./file-system-error.js";
import { FileSystemWrapper } from "./file-system-wrapper.js";
import type { VirtualPath } from "./names.js";
import { PathClaims } from "./quota/path-claims.js";
import { Places } from "./quota/places.js";
import { MemoryCounter, type QuotaCounter, type QuotaUsage } from "./quota/quota-counter.js";
import { type Publish, QuotaUpload, type QuotaUploadOptions } from "./quota/quota-upload.js";
import { giveBack, Reservation } from "./quota/reservation.js";
import { usageOf } from "./quota/usage-of.js";
import { untilAborted } from "./until-aborted.js";

/** How much a tree may hold, and who counts it: bounds, or a counter of one's own. */
export interface QuotaOptions {
  /** Bytes that all files may have together. Default: no bound. */
  readonly bytes?: number | undefined;
  /** How many files there may be; directories do not count. Default: no bound. */
  readonly files?: number | undefined;
  /** What the tree holds at the start. Default: it is walked before the first change. */
  readonly used?: QuotaUsage | undefined;
  /** Entries that such a walk looks at before it gives up and every change fails with `EIO`. Default 100,000. */
  readonly maxEntries?: number | undefined;
  /** Counts, and knows the bounds, instead; it starts with what the tree holds. */
  readonly counter?: QuotaCounter | undefined;
}

/**
 * The same tree with a bound: what passes it is refused with `EDQUOT`, before the upload begins where the client has said
 * how much will come, otherwise midway. An upload takes its room as it goes on, and what it replaces counts until it is
 * committed: several at once never pass the bound together. Removed and replaced files, and uploads that end without
 * a commit, give back what they had. A directory to which an upload is on its way, or
 * a file that one adds to, cannot be renamed meanwhile (`EBUSY`).
 *
 * Make one for each tree and keep it: two quotas on the same files do not know of each other, and of what happens
 * beside them, in the store itself, they never hear. With a `counter` shared by several, two of them that change
 * the same file at the same moment may count wrongly. Links count nothing: a store should not follow them
 * (`symlinks: "deny"`), or a file that is reached by two names is counted by either.
 * @throws RangeError where a number is no count, TypeError without a bound, or with both bounds and a counter
 * @example
 * const shared = quota(new LocalFileSystem("/srv/ftp"), { bytes: 10 * 1024 ** 3, files: 50_000 });
 * server.on("login", (login) => login.accept({ fileSystem: shared }));
 */
export function quota(fileSystem: FileSystem, options: QuotaOptions): FileSystem {
  const { bytes = Infinity, files = Infinity, used, maxEntries = 100_000, counter } = options;
  const numbers = { bytes, files, maxEntries, "used.bytes": used?.bytes ?? 0, "used.files": used?.files ?? 0 };
  for (const [name, value] of Object.entries(numbers)) assertCount(name, value);
  const bounded = bytes !== Infinity || files !== Infinity;
  if (bounded === (counter !== undefined))
    throw new TypeError("quota: give bytes or files, or a counter that knows them");
  if (counter !== undefined) return new QuotaFileSystem(fileSystem, counter, true);
  const own = new MemoryCounter({ bytes, files });
  const begin = async (): Promise<void> => own.begin(used ?? (await usageOf(fileSystem, maxEntries)));
  return new QuotaFileSystem(fileSystem, own, bytes !== Infinity, begin);
}

function assertCount(name: string, value: number): void {
  const isBound = name === "bytes" || name === "files" || name === "maxEntries";
  if (!(Number.isSafeInteger(value) && value >= 0) && !(isBound && value === Infinity))
    throw new RangeError(`quota: ${name} must be a whole number, 0 or more`);
}

/** What a look at a path may report without there being a file that counts. */
const NO_FILE: ReadonlySet<FileSystemErrorCode> = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ELOOP"]);

class QuotaFileSystem extends FileSystemWrapper {
  readonly #counter: QuotaCounter;
  readonly #boundsBytes: boolean;
  readonly #begin: () => Promise<void>;
  readonly #claims = new PathClaims();
  readonly #places = new Places();
  #begun: Promise<void> | undefined;

  constructor(inner: FileSystem, counter: QuotaCounter, boundsBytes: boolean, begin = async (): Promise<void> => {}) {
    super(inner);
    this.#counter = counter;
    this.#boundsBytes = boundsBytes;
    this.#begin = begin;
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.inner.checksum(path, options);
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return this.#changing([path], options, () => this.#open(path, options));
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#changing([path], options, async () => {
      const size = await this.#sizeAt(path, options);
      await super.remove(path, options);
      this.#places.changed(path, undefined);
      if (size !== undefined) await giveBack(this.#counter, size, 1);
    });
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    if (from === to) return super.rename(from, to, options);
    return this.#changing([from, to], options, async () => {
      if (this.#places.known(from) !== undefined || this.#places.anyBelow(from))
        throw new FileSystemError("EBUSY", from, { message: "an upload is on its way there" });
      const moved = this.#places.known(to) === undefined ? undefined : await this.#sizeAt(from, options);
      const replaced = options?.overwrite ? await this.#sizeAt(to, options) : undefined;
      await super.rename(from, to, options);
      this.#places.changed(to, moved);
      if (replaced !== undefined) await giveBack(this.#counter, replaced, 1);
    });
  }

  /** What the bound leaves, or the store where that is less. `ENOSYS` where neither can tell. */
  override async availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    await this.#ready(options);
    const left = await untilAborted(Promise.resolve(this.#counter.bytesLeft()), options?.signal);
    if (super.supports("availableSpace", path)) return Math.min(left, await super.availableSpace(path, options));
    await this.inner.stat(path, options);
    if (left === Infinity) throw new FileSystemError("ENOSYS", path);
    return left;
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return (capability === "availableSpace" && this.#boundsBytes) || super.supports(capability, path);
  }

  async #open(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const { mode, signal, sizeHint = 0 } = options;
    const size = await this.#sizeAt(path, options);
    const reservation = new Reservation(this.#counter, path);
    const reserved = reservation.ensure(Number.isSafeInteger(sizeHint) ? sizeHint : 0, size === undefined ? 1 : 0);
    try {
      await untilAborted(reserved, signal);
      const handle = await super.openWrite(path, options);
      const grows = mode === "append" || mode === "at";
      this.#places.enter(path, grows, size);
      const leave = (): void => this.#places.leave(path, grows);
      const publishing: QuotaUploadOptions["publishing"] = (publish) => this.#publishing(path, publish);
      return new QuotaUpload({ path, handle, reservation, publishing, leave, signal });
    } catch (error) {
      // What the counter gives after nobody waits for it any more goes back as well.
      const settled = reserved.catch(() => undefined).then(() => reservation.settle(0, 0));
      if (!signal?.aborted) await settled;
      throw error;
    }
  }

  #publishing(path: VirtualPath, publish: Publish): Promise<FileInfo> {
    return this.#claims.during([path], async () => {
      const look = (): Promise<number | undefined> => this.#sizeAt(path);
      const info = await publish(await look(), look);
      this.#places.changed(path, info.size);
      return info;
    });
  }

  /** The size of the file at a path as it is counted; `undefined` where no file is. */
  async #sizeAt(path: VirtualPath, options?: OperationOptions): Promise<number | undefined> {
    const known = this.#places.known(path);
    if (known !== undefined) return known.size;
    try {
      const { type, size } = await this.inner.stat(path, { expect: "file", signal: options?.signal });
      return type === "file" ? size : undefined;
    } catch (error) {
      if (error instanceof FileSystemError && NO_FILE.has(error.code)) return undefined;
      throw error;
    }
  }

  /** Runs a change when it is known what the tree holds, and while nobody else changes the same paths. */
  async #changing<Result>(
    paths: readonly VirtualPath[],
    options: OperationOptions | undefined,
    change: () => Promise<Result>,
  ): Promise<Result> {
    await this.#ready(options);
    return this.#claims.during(paths, change, options?.signal);
  }

  /** Counts what is there, once. One that gives up waiting does not stop it for the others. */
  async #ready(options: OperationOptions | undefined): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#begun ??= this.#begin().catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return untilAborted(this.#begun, options?.signal);
  }
}
