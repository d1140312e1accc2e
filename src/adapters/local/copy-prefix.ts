/** The bytes of a file that an upload keeps. */
import { constants } from "node:fs";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { Destination } from "./destination.js";
import type { DiskFile } from "./disk-file.js";
import { assertFile } from "./entry.js";
import { CAUTIOUS } from "./pin.js";

/** Bytes copied at once; the signal is looked at in between. */
const PIECE = 1024 * 1024;

/** Copies the first `count` bytes of what stands at the destination. Stops when the signal fires. */
export async function copyPrefix(
  from: Destination,
  to: DiskFile,
  count: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using source = await from.directory.disk.open(from.directory.at(from.name), constants.O_RDONLY | CAUTIOUS);
  assertFile(await source.stat(), from.path);
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE, count));
  for (let position = 0; position < count; ) {
    signal?.throwIfAborted();
    const bytesRead = await source.read(memory.subarray(0, Math.min(memory.length, count - position)), position);
    if (bytesRead === 0) throw new FileSystemError("EBUSY", from.path, { message: "the file has become shorter" });
    await writeAll(to, memory.subarray(0, bytesRead), position);
    position += bytesRead;
  }
}

async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await file.writev([bytes.subarray(done)], position + done);
  }
}
