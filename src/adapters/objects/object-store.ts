/**
 * What a store of objects has to bring so that `ObjectFileSystem` can make a tree of files of it: a handful of
 * requests, in the words of such stores. Knows no FTP and no paths; keys are what the store calls an object.
 * Whoever implements it turns every error of its SDK into a `FileSystemError` with the `cause` set.
 */

import type { ChecksumAlgorithm } from "../../storage/checksum.js";

/** Checksums by their names, in lower-case hexadecimal. */
export type Checksums = Readonly<Partial<Record<ChecksumAlgorithm, string>>>;

/** One object. */
export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** When it was written. */
  readonly modified: Date | undefined;
  /** Opaque: equal means the same bytes (an ETag, a generation). */
  readonly version: string | undefined;
  /** What the object was given besides its bytes, names in lower case; in listings only where the store tells it there. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Checksums of all its bytes that the store tells without reading them, in lower-case hexadecimal; only such as can
   * be trusted to be of these bytes. Absent in listings.
   */
  readonly checksums?: Checksums | undefined;
  /** Its type; absent in listings, and where the store keeps none. */
  readonly contentType?: string | undefined;
}

/** Part of a listing, in the order of the store. */
export interface ObjectPage {
  readonly objects: readonly ObjectInfo[];
  /** What the keys have in common up to and with the delimiter. */
  readonly prefixes: readonly string[];
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined;
}

/** What to list. */
export interface ListRequest {
  readonly prefix: string;
  /** Whether keys that share the part up to the next `/` are shown as one prefix. */
  readonly grouped: boolean;
  /** `next` of the page before. */
  readonly from?: string | undefined;
  /** Keys and prefixes of a page at the most. */
  readonly limit?: number | undefined;
}

/** What an object is given besides its bytes. */
export interface ObjectAttributes {
  readonly contentType?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** How an object is written. */
export interface PutRequest extends ObjectAttributes {
  /** Whether it fails with `EEXIST` where there is an object of that key. */
  readonly exclusive: boolean;
  /**
   * The version of the object that must stand there; another one, or none, is `EBUSY`. It was looked at a moment before:
   * a store that has no such condition may leave it out.
   */
  readonly version?: string | undefined;
}

/** An open object. */
export interface ObjectBody {
  /** Of the whole object. */
  readonly info: ObjectInfo;
  readonly body: AsyncIterable<Uint8Array>;
  /** Frees the connection, also midway. */
  close(): void;
}

/** An upload in parts; invisible until `complete`. Parts are numbered from 0 without a gap, behind what was kept. */
export interface PartUpload {
  /**
   * Begins with the first `end` bytes of the object that stands there now, as far as the store can take them over by
   * itself. Called before any part, if at all. Rejects only when nothing is on its way any more.
   * @param version of the object that is meant; another one is `EBUSY`
   * @param signal fires when the upload is given up
   * @returns how many of these bytes it took; the caller brings the others
   */
  keep(end: number, version: string | undefined, signal?: AbortSignal): Promise<number>;
  /** Sends a part. `body` must not be changed until it resolves. */
  part(number: number, body: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Makes the object of the parts, once all of them are there, under the conditions that the upload was begun with. */
  complete(): Promise<ObjectInfo>;
  /** Forgets the parts. Called when none is on its way any more. */
  abort(): Promise<void>;
}

/** Bounds of a store. */
export interface ObjectLimits {
  /** Bytes of a key in UTF-8. */
  readonly keyBytes: number;
  /** Parts of one upload. */
  readonly parts: number;
  /** Parts that may be on their way at once, also where the options say more; 1 where they must come in order. */
  readonly partsAtOnce: number;
  /** A part, but the last, is a multiple of this many bytes. */
  readonly partUnit: number;
}

/**
 * A store of objects. Every operation ends soon after its signal, with the signal's reason, and else rejects with a
 * `FileSystemError` whose `path` is the key. A change that was asked for may happen although its signal fired.
 */
export interface ObjectStore {
  readonly limits: ObjectLimits;
  /**
   * `undefined` where there is none.
   * @param checksums whether they are wanted: a store that has to be asked for them is asked only then
   */
  head(key: string, signal: AbortSignal | undefined, checksums?: boolean): Promise<ObjectInfo | undefined>;
  list(request: ListRequest, signal: AbortSignal | undefined): Promise<ObjectPage>;
  /**
   * Opens the bytes from `start` to before `end`, both within the object or `undefined`.
   * @returns `undefined` where there is no such object; rejects with `ERANGE` where `start` is not within it
   */
  read(
    key: string,
    range: {
      readonly start?: number | undefined;
      readonly end?: number | undefined;
      readonly version?: string | undefined;
    },
    signal: AbortSignal | undefined,
  ): Promise<ObjectBody | undefined>;
  put(key: string, body: Uint8Array, request: PutRequest, signal: AbortSignal | undefined): Promise<ObjectInfo>;
  beginParts(key: string, request: PutRequest, signal: AbortSignal | undefined): Promise<PartUpload>;
  /** Copies an object with its attributes. Rejects with `ENOENT` where there is none, `EBUSY` where it has changed. */
  copy(
    from: ObjectInfo,
    to: string,
    request: { readonly exclusive: boolean },
    signal?: AbortSignal,
  ): Promise<ObjectInfo>;
  /** Removes an object; one that is not there is no error. */
  remove(key: string, signal?: AbortSignal): Promise<void>;
  /** Gives an object other metadata and leaves its bytes and its other attributes. `EBUSY` where it has changed. */
  setMetadata(object: ObjectInfo, metadata: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void>;
  /** Forgets uploads that were begun before a moment and never ended, below a prefix. @returns how many */
  sweep(prefix: string, before: Date, signal?: AbortSignal): Promise<number>;
}
