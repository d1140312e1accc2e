/** A bucket of S3, and how requests about its objects are made: in bounded time, with the errors of file systems. */
import { HeadObjectCommand, type HeadObjectCommandOutput, type S3Client } from "@aws-sdk/client-s3";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo } from "../objects/object-store.js";
import { objectRequest, orMissing } from "../objects/request.js";
import type { S3StorageOptions } from "./s3-attributes.js";
import { checksumsOf } from "./s3-checksums.js";
import { s3Error } from "./s3-errors.js";

/** Which bucket, how to reach it, and what its server can do. */
export interface S3StoreOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** Milliseconds; 0 is no limit. Requests that move many bytes get as much more. */
  readonly requestTimeout: number;
  /** What new objects are given besides bytes. */
  readonly storage: S3StorageOptions;
  /** Bytes of a part where all but the last must have one size; `undefined` where they need not. */
  readonly uniformPart?: number | undefined;
  /** Bytes that are copied with one request. Default 5 GiB, which is what S3 allows. */
  readonly maxCopy?: number | undefined;
  /** Bytes of a part that the server copies. Default 512 MiB: few requests, and each ends in time. */
  readonly copyPart?: number | undefined;
}

/** Options of a request to the SDK. */
export interface SendOptions {
  readonly abortSignal: AbortSignal;
}

const MEBIBYTE = 1024 ** 2;
/** Bytes that the server copies in one `requestTimeout`. */
export const COPIED_IN_TIME = 512 * MEBIBYTE;

/** A bucket. */
export class S3Bucket {
  readonly options: S3StoreOptions & { readonly maxCopy: number; readonly copyPart: number };

  constructor(options: S3StoreOptions) {
    const { maxCopy = 5 * 1024 * MEBIBYTE, copyPart = COPIED_IN_TIME } = options;
    this.options = { ...options, maxCopy, copyPart };
  }

  /** The bucket and a key, as every command wants them. */
  at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.options.bucket, Key: key };
  }

  /**
   * Runs a command.
   * @param extra how many times the time limit it gets besides
   * @throws FileSystemError about the key, or the signal's reason
   */
  run<Result>(
    key: string,
    signal: AbortSignal | undefined,
    send: (client: S3Client, options: SendOptions) => Promise<Result>,
    extra = 0,
  ): Promise<Result> {
    const { client, requestTimeout: timeout } = this.options;
    const options = { key, timeout, signal, extra, errorOf: s3Error };
    return objectRequest(options, (abortSignal) => send(client, { abortSignal }));
  }

  /** All that the server tells of an object. @throws FileSystemError `ENOENT` */
  headOf(key: string, signal: AbortSignal | undefined, checksums = false): Promise<HeadObjectCommandOutput> {
    // Who asks for them needs the right to decrypt what is encrypted.
    const command = new HeadObjectCommand({ ...this.at(key), ...(checksums && { ChecksumMode: "ENABLED" }) });
    return this.run(key, signal, (client, options) => client.send(command, options));
  }

  async head(key: string, signal: AbortSignal | undefined, checksums?: boolean): Promise<ObjectInfo | undefined> {
    const found = await orMissing(this.headOf(key, signal, checksums));
    if (found === undefined) return undefined;
    return {
      ...infoOf(key, found, found.ContentLength),
      metadata: found.Metadata,
      contentType: found.ContentType,
      checksums: checksumsOf(this.options.bucket, found),
    };
  }

  /** The source of a copy: a header, encoded but for `/`. */
  source(key: string): string {
    return `${this.options.bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
  }
}

/**
 * What a request tells of an object.
 * @throws FileSystemError `EIO` where it does not tell the size: taken for empty, what is there would be lost
 */
export function infoOf(
  key: string,
  { LastModified, ETag }: { LastModified?: Date; ETag?: string },
  size: number | undefined,
): ObjectInfo {
  if (size === undefined) throw new FileSystemError("EIO", key, { message: "the store does not tell the size" });
  return { key, size, modified: LastModified, version: ETag };
}
