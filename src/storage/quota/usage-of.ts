/** What a tree holds, counted by walking it. */
import type { FileInfo } from "../file-info.js";
import type { FileSystem } from "../file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "../file-system-error.js";
import { childOf, ROOT, type VirtualPath } from "../names.js";
import type { QuotaUsage } from "./quota-counter.js";

/** Directories that go meanwhile, or that nobody who comes through this file system can enter. */
const PASSED: ReadonlySet<FileSystemErrorCode> = new Set(["ENOENT", "ENOTDIR", "EACCES"]);

/**
 * Counts every file. Links are not followed.
 * @param maxEntries entries of all kinds
 * @throws FileSystemError `EIO` where there are more
 */
export async function usageOf(fileSystem: FileSystem, maxEntries: number): Promise<QuotaUsage> {
  const directories: VirtualPath[] = [ROOT];
  let [bytes, files, seen] = [0, 0, 0];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for await (const { name, type, size } of entriesOf(fileSystem, directory)) {
      if (++seen > maxEntries) throw tooMany(maxEntries);
      if (type === "directory") directories.push(childOf(directory, name));
      if (type !== "file") continue;
      bytes += size;
      files++;
    }
  }
  return { bytes, files };
}

async function* entriesOf(fileSystem: FileSystem, directory: VirtualPath): AsyncGenerator<FileInfo> {
  try {
    yield* fileSystem.list(directory);
  } catch (error) {
    if (!(error instanceof FileSystemError) || !PASSED.has(error.code)) throw error;
  }
}

function tooMany(maxEntries: number): FileSystemError {
  const message = `quota: more than ${maxEntries} entries to count; say what is used, or raise maxEntries`;
  return new FileSystemError("EIO", ROOT, { message });
}
