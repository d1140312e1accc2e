/** What the disk tells of a file, directory or link, as the storage contract says it. */
import { createCipheriv, randomBytes } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileInfo, FileType } from "../../storage/file-info.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";

/** The type of an entry; undefined for FIFOs, sockets and devices, which no client may use. */
export function typeOf(stats: BigIntStats): FileType | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "link" : undefined;
}

/** @throws FileSystemError `EACCES` for FIFOs, sockets and devices */
export function usableType(stats: BigIntStats, path: VirtualPath): FileType {
  const type = typeOf(stats);
  if (type === undefined) throw new FileSystemError("EACCES", path, { message: "neither file, directory nor link" });
  return type;
}

/** @throws FileSystemError `EISDIR` for a directory, `EACCES` for whatever else is not a regular file */
export function assertFile(stats: BigIntStats, path: VirtualPath): void {
  if (stats.isDirectory()) throw new FileSystemError("EISDIR", path);
  if (!stats.isFile()) throw new FileSystemError("EACCES", path, { message: "not a regular file" });
}

/**
 * An entry as listings show it: no number of the host but those of owner and group.
 * @param target where a link leads, as clients may know it
 */
export function infoOf(name: string, type: FileType, stats: BigIntStats, target?: string): FileInfo {
  const info: Mutable<FileInfo> = {
    name,
    type,
    size: type === "file" ? Number(stats.size) : 0,
    modified: stats.mtime,
    mode: Number(stats.mode & 0o777n),
    owner: String(stats.uid),
    group: String(stats.gid),
    links: Number(stats.nlink),
    unique: uniqueOf(stats),
  };
  // Disks that keep no birth time report the epoch.
  if (stats.birthtimeNs > 0n) info.created = stats.birthtime;
  if (target !== undefined) info.target = target;
  return info;
}

type Mutable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

let cipher: ReturnType<typeof createCipheriv> | undefined;

/**
 * Device and inode, enciphered with a key of this process: a permutation, so two objects never share a value, and
 * numbers of the host are not told. One block at a time needs neither chaining nor padding.
 */
function uniqueOf(stats: BigIntStats): string {
  cipher ??= createCipheriv("aes-128-ecb", randomBytes(16), null).setAutoPadding(false);
  const block = Buffer.allocUnsafe(16);
  block.writeBigUInt64LE(BigInt.asUintN(64, stats.dev), 0);
  block.writeBigUInt64LE(BigInt.asUintN(64, stats.ino), 8);
  return cipher.update(block).toString("base64url");
}
