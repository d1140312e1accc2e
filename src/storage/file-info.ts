/** What a store tells of one file, directory or link. Plain data; knows nothing of FTP. */

/** The three kinds of entry that a listing can show. */
export type FileType = "file" | "directory" | "link";

/** One entry of a store. */
export interface FileInfo {
  /** The last component of the path, decoded; `""` only for the root. */
  readonly name: string;
  /** What it is. */
  readonly type: FileType;
  /** Bytes; 0 for directories. A safe integer. */
  readonly size: number;
  /** Last change of the content, in UTC. Absent where the store has none. */
  readonly modified?: Date;
  /** When the entry was made, in UTC. Absent where the store has none. */
  readonly created?: Date;
  /** POSIX permission bits, `0o000` to `0o777`. Absent where the store has none. */
  readonly mode?: number;
  /** Name or number of the owner as listings show it. */
  readonly owner?: string;
  /** Name or number of the group as listings show it. */
  readonly group?: string;
  /** Hard links. Absent where the store has none. */
  readonly links?: number;
  /** Where a link points, as the store keeps it; only with type `link`. */
  readonly target?: string;
  /** Opaque and stable: the same object has the same value, two objects never share one (RFC 3659 §7.5.2). */
  readonly unique?: string;
  /** Opaque: equal means the same bytes (an ETag, a generation). */
  readonly version?: string;
}
