/** Reading an object: one version, from an offset, with as few requests as can be. */
import type { ReadOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import { ObjectDownload } from "./object-download.js";
import type { ObjectBody, ObjectInfo, ObjectStore } from "./object-store.js";

/** Which object is read, and how. */
export interface ObjectReading extends ReadOptions {
  readonly store: ObjectStore;
  readonly key: string;
  /** For errors. */
  readonly path: VirtualPath;
  /** Milliseconds that the store may let a reader wait for more; 0 is no limit. */
  readonly timeout: number;
  /** The version that is meant; another one is `EBUSY`. Default: the one that stands there. */
  readonly version?: string | undefined;
}

/** An object that is being read. */
export interface OpenedObject {
  readonly object: ObjectInfo;
  /** In pieces of 256 KiB, but the last. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly close: () => Promise<void>;
}

/**
 * Opens an object; `undefined` where there is none.
 * @param again whether it is asked for once more where it was empty, and is not when it is looked at
 * @throws FileSystemError `ERANGE` beyond its end
 */
export async function openObject(reading: ObjectReading, again = true): Promise<OpenedObject | undefined> {
  const { store, key, path, start = 0, end, version, signal } = reading;
  if (!Number.isSafeInteger(start) || start < 0) throw new FileSystemError("ERANGE", path);
  if (end !== undefined && end <= start) return await nothingOf(reading, again);
  const range = { ...(start > 0 && { start }), ...(end !== undefined && { end }), version };
  let opened: ObjectBody | undefined;
  try {
    opened = await store.read(key, range, signal);
  } catch (error) {
    // Right behind the last byte there is nothing to send, but nothing wrong either.
    if (error instanceof FileSystemError && error.code === "ERANGE") return await nothingOf(reading, again);
    throw error;
  }
  if (opened === undefined) return undefined;
  const object = opened.info;
  const download = new ObjectDownload(opened, { ...reading, start, end: Math.min(end ?? object.size, object.size) });
  return { object, body: download.body(), close: async () => download.close() };
}

/** For ranges without a byte. */
async function nothingOf(reading: ObjectReading, again: boolean): Promise<OpenedObject | undefined> {
  const { store, key, path, start = 0, end, signal } = reading;
  const object = await store.head(key, signal);
  if (object === undefined) return undefined;
  if (start > object.size) throw new FileSystemError("ERANGE", path);
  const grows = start < object.size && (end === undefined || end > start);
  if (grows && again) return await openObject(reading, false);
  if (grows) throw new FileSystemError("EBUSY", path, { message: "it grows just now" });
  return { object, body: none(), close: async () => undefined };
}

async function* none(): AsyncGenerator<Uint8Array> {}
