/**
 * A folder of the host's disk as a `FileSystem`. What a client names stays inside the folder, also against links
 * and, on Linux, against others who exchange directories meanwhile (see local/pin.ts).
 */
import { constants } from "node:fs";
import { chmod, mkdir, rmdir, statfs, utimes } from "node:fs/promises";
import { resolve } from "node:path";
import type { FileInfo } from "../storage/file-info.js";
import {
  type CreationOptions,
  FileSystem,
  type FileTimes,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  type RenameOptions,
  type WriteHandle,
  type WriteOptions,
} from "../storage/file-system.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { baseName, ROOT, type VirtualPath } from "../storage/names.js";
import { assertFile, infoOf, usableType } from "./local/entry.js";
import { Jail } from "./local/jail.js";
import { entriesOf } from "./local/listing.js";
import { NameRules } from "./local/name-rules.js";
import { LocalReadHandle } from "./local/reading.js";
import { operation, refusal } from "./local/refusal.js";
import { renameInside } from "./local/renaming.js";
import { shownTarget } from "./local/shown-target.js";
import { openUpload } from "./local/writing.js";

/** What a disk may round a time by, in milliseconds: FAT counts in steps of two seconds. */
const COARSEST_DISK_MS = 2000;

/** How a folder is served. */
export interface LocalFileSystemOptions {
  /**
   * `inside` follows links that lead to places inside the folder; `deny` follows none. A link that is not
   * followed is listed without its target, can be removed, and is missing for every other command.
   * Default `inside`.
   */
  readonly symlinks?: "inside" | "deny" | undefined;
  /** `hide`: names that begin with a dot are listed nowhere and missing for every operation. Default `show`. */
  readonly dotFiles?: "show" | "hide" | undefined;
  /**
   * Whether `commit()` waits until the disk itself has the upload, not only the operating system: it then
   * survives a loss of power, and each upload costs the time of a disk flush. Default `false`.
   */
  readonly durable?: boolean | undefined;
}

/**
 * Serves a folder. Links never lead out of it. On Linux (with `/proc`) nobody who changes the tree meanwhile can make
 * them; elsewhere a program of the host that exchanges a directory for a link between two steps can, so do not
 * serve there what untrusted local users may write to.
 *
 * Uploads are written to a hidden file `.portside-….part` beside their destination, which no client can see or name,
 * and renamed at `commit()`. A directory that holds one is not empty; what a killed process leaves may be deleted.
 * Only `append`, and `at` the end, grow the file in place: readers may see it grow, `abort()` cuts it back, a crash
 * leaves what had arrived, and only uploads of this process are kept from growing the same file at once.
 * A file with further hard links then grows under all of its names; every other upload leaves those as they were.
 *
 * A file or link moved without `overwrite` meets a taken name with `EEXIST`; for directories and links, and on
 * disks without hard links, a name taken in the last moment may be replaced. Nothing is ever moved by copying: to
 * another disk is `EACCES`. FIFOs, sockets and devices are not listed and answered with `EACCES`.
 *
 * On Linux small calls to a local disk that answers quickly are made on the main thread, where they take a tenth of the time;
 * a disk that is slow may hold the process up for a twenty-fifth of its time, one that may be far away (NFS, FUSE …) never
 * does. One that counts as local and hangs in a call holds it up until it answers.
 * @example
 * login.accept({ fileSystem: new LocalFileSystem("/srv/ftp/anna", { dotFiles: "hide" }) });
 */
export class LocalFileSystem extends FileSystem {
  readonly #jail: Jail;
  readonly #names: NameRules;
  readonly #durable: boolean;

  /**
   * @param root the folder; relative to the process's working directory of now. It is looked at on first use:
   * where it is missing, every operation reports `ENOENT`
   * @throws TypeError where `root` is no text, RangeError where an option is none of its values
   */
  constructor(root: string, options: LocalFileSystemOptions = {}) {
    super();
    if (typeof root !== "string" || root === "") throw new TypeError("root must be the path of a folder");
    const { symlinks = "inside", dotFiles = "show", durable = false } = options;
    oneOf("symlinks", symlinks, ["inside", "deny"]);
    oneOf("dotFiles", dotFiles, ["show", "hide"]);
    oneOf("durable", durable, [true, false]);
    const { platform } = process;
    this.#durable = durable;
    this.#names = new NameRules(dotFiles === "hide", platform === "win32");
    this.#jail = new Jail({ root: resolve(root), followLinks: symlinks === "inside", names: this.#names, platform });
  }

  override stat(path: VirtualPath, options?: OperationOptions): Promise<FileInfo> {
    return operation(path, options, async () => {
      await using pin = await this.#jail.pin(path);
      const stats = await pin.look();
      return infoOf(baseName(path), usableType(stats, path), stats);
    });
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    const { signal } = options ?? {};
    await using directory = await operation(path, options, () => this.#jail.pin(path));
    try {
      const lists = (name: string): boolean => this.#names.lists(name);
      const seen = (target: string): string | undefined => shownTarget(this.#jail, directory, target);
      for await (const some of entriesOf({ directory, lists, shownTarget: seen, signal })) {
        for (const entry of some) {
          signal?.throwIfAborted();
          yield entry;
        }
      }
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? error : refusal(error, path);
    }
  }

  override openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    return operation(path, options, async () => {
      await using pin = await this.#jail.pin(path);
      // Before it is opened: no FIFO ever is.
      assertFile(await pin.look(), path);
      const file = await pin.open(constants.O_RDONLY);
      try {
        const stats = await file.stat();
        const { start = 0 } = options;
        if (!(start >= 0 && start <= stats.size)) throw new FileSystemError("ERANGE", path);
        return new LocalReadHandle(file, path, infoOf(baseName(path), "file", stats), options);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return operation(path, options, () => openUpload(this.#jail, path, options, this.#durable));
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return operation(path, options, async () => {
      if (path === ROOT) throw new FileSystemError("EISDIR", path);
      await using parent = await this.#jail.pinParent(path);
      const name = parent.at(baseName(path));
      const stats = await parent.disk.lstat(name);
      if (usableType(stats, path) === "directory") throw new FileSystemError("EISDIR", path);
      await parent.disk.unlink(name, stats);
    });
  }

  override makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    return operation(path, options, async () => {
      if (path === ROOT) throw new FileSystemError("EEXIST", path);
      await using parent = await this.#jail.pinParent(path);
      await mkdir(parent.at(baseName(path)));
      if (options?.umask !== undefined) await this.setMode(path, 0o777 & ~options.umask);
    });
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return operation(path, options, async () => {
      if (path === ROOT) throw new FileSystemError("EACCES", path);
      await using parent = await this.#jail.pinParent(path);
      await rmdir(parent.at(baseName(path)));
    });
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    return operation(from, options, () => renameInside(this.#jail, from, to, options?.overwrite ?? false));
  }

  /** Sets `modified`; a disk keeps `created` for itself: `ENOSYS`. */
  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return operation(path, options, async () => {
      if (times.created !== undefined) throw new FileSystemError("ENOSYS", path);
      await using pin = await this.#jail.pin(path);
      const stats = await pin.look();
      usableType(stats, path);
      if (times.modified === undefined) return;
      await utimes(pin.at(), secondsOf(stats.atime), secondsOf(times.modified));
      // Disks move what lies beyond their years to the edge.
      const { mtime } = await pin.stat();
      if (Math.abs(mtime.getTime() - times.modified.getTime()) <= COARSEST_DISK_MS) return;
      await utimes(pin.at(), secondsOf(stats.atime), secondsOf(stats.mtime));
      throw new FileSystemError("EINVAL", path, { message: "the disk cannot keep that time" });
    });
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return operation(path, options, async () => {
      if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) throw new FileSystemError("EINVAL", path);
      await using pin = await this.#jail.pin(path);
      usableType(await pin.look(), path);
      await chmod(pin.at(), mode);
    });
  }

  /** What the disk that holds `path`, which must exist, offers to this process. */
  override availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    return operation(path, options, async () => {
      await using pin = await this.#jail.pin(path);
      const { bavail, bsize } = await statfs(pin.at(), { bigint: true });
      return Number(bavail * bsize);
    });
  }
}

function oneOf(option: string, value: unknown, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) throw new RangeError(`${option} must be ${allowed.map(String).join(" or ")}`);
}

/** Seconds, with half a microsecond more: below a whole one they are cut off, and a fraction that is a hair too small would lose a millisecond. */
function secondsOf(time: Date): number {
  return (time.getTime() + 0.0005) / 1000;
}
