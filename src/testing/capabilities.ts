/** Where a store differs from a full one, as its author declares it: what the contract then leaves out, or asks otherwise. */
import type { Capability } from "../storage/file-system.js";

/**
 * What a store may lack: capabilities as `supports()` knows them; `at`, uploads that begin behind the first byte;
 * `directoryTimes`, setting those of directories and showing set times in listings; and the facts `unique` and
 * `version` of a `FileInfo`. Only `list`, `openRead` and `openWrite` must be there.
 */
export type StoreFeature =
  | Exclude<Capability, "list" | "openRead" | "openWrite">
  | "at"
  | "directoryTimes"
  | "unique"
  | "version";

/** How a store differs. The defaults are those of a full store: a disk with POSIX manners. */
export interface StoreCapabilities {
  /**
   * What the store lacks. The suite asserts that it is refused with `ENOSYS` or `EROFS`, and that `supports()` says so.
   * Default: nothing. A disk that cannot set the time of creation says `["setCreated"]`.
   */
  readonly without?: readonly StoreFeature[] | undefined;
  /**
   * Whether directories are there as soon as something lies below them: uploads and renames of files need no parent,
   * and a file `a` may stand beside a directory `a`. Default `false`.
   */
  readonly implicitDirectories?: boolean | undefined;
  /** Which directories can be renamed; the others are refused with `ENOSYS`. Default `all`. */
  readonly directoryRename?: "all" | "empty" | "none" | undefined;
  /**
   * Whether of several who make the same name with `exclusive` at the same moment exactly one succeeds (`atomic`), or
   * the name is looked at first and more may succeed (`checked`). Default `atomic`.
   */
  readonly exclusive?: "atomic" | "checked" | undefined;
  /** The same for `rename` without `overwrite`. Default `atomic`. */
  readonly exclusiveRename?: "atomic" | "checked" | undefined;
  /**
   * Whether a reader gets its version to the end when the file is replaced or removed meanwhile; otherwise it may be
   * refused, or end, with `EBUSY` or `ENOENT`, never with bytes of another version. Default `true`.
   */
  readonly snapshotReads?: boolean | undefined;
  /**
   * Whether the store keeps a name. One that it does not must be refused with `EINVAL` or `ENAMETOOLONG`.
   * Default: every name, also with bytes that are not UTF-8 (lone surrogates).
   */
  readonly keepsName?: ((name: string) => boolean) | undefined;
  /** Bytes of the longest path, its first `/` not counted; longer ones are `ENAMETOOLONG`. Default: no bound that matters. */
  readonly pathBytes?: number | undefined;
  /** Bytes that every piece of a download but the last has at least, 1 or more. Default 262,144. */
  readonly pieceBytes?: number | undefined;
  /** Sizes of parts and buffers, in bytes, round which uploads are tested. Default `[262_144]`. */
  readonly borders?: readonly number[] | undefined;
  /**
   * Entries of the largest directory, 100 or more: at least two and a half pages, where the store has pages.
   * Default 10,000.
   */
  readonly entries?: number | undefined;
}

/** Complete, and quick to ask. */
export type CompleteCapabilities = Omit<Required<StoreCapabilities>, "without" | "pathBytes"> & {
  readonly without: ReadonlySet<StoreFeature>;
  readonly pathBytes: number | undefined;
};

/** With the defaults. @throws RangeError naming the capability */
export function completeCapabilities(given: StoreCapabilities = {}): CompleteCapabilities {
  return {
    without: new Set(given.without),
    implicitDirectories: given.implicitDirectories ?? false,
    directoryRename: given.directoryRename ?? "all",
    exclusive: given.exclusive ?? "atomic",
    exclusiveRename: given.exclusiveRename ?? "atomic",
    snapshotReads: given.snapshotReads ?? true,
    keepsName: given.keepsName ?? (() => true),
    pathBytes: given.pathBytes === undefined ? undefined : count("pathBytes", given.pathBytes, 1),
    pieceBytes: count("pieceBytes", given.pieceBytes ?? 262_144, 1),
    borders: (given.borders ?? [262_144]).map((border) => count("borders", border, 2)),
    entries: count("entries", given.entries ?? 10_000, 100),
  };
}

function count(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`capabilities: ${name} must be an integer, ${least} or more, not ${value}`);
  return value;
}
