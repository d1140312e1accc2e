/** MD5 and the Blob service: what is told it, and what of that which it tells can be believed. */
import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type { BlobGetPropertiesResponse } from "@azure/storage-blob";
import { orMissing } from "../objects/request.js";
import type { AzureContainer } from "./azure-container.js";
import { versionOf } from "./azure-names.js";

/** Bytes hashed at a time: the event loop goes on in between. */
const HASH_AT_ONCE = 1024 ** 2;

/**
 * The MD5 of a blob in hexadecimal, where the service has taken it of the bytes itself: it does so only of what comes in
 * one request. With a list of blocks, and for a blob that is there, a client can say what it likes; a copy has what its
 * source had, and append and page blobs keep theirs when their bytes change. So it is believed of a block blob without
 * a list of blocks that nothing has been done to since it was made; times tell that, of which the service shows whole
 * seconds, so that within its first second whoever may write the blob is believed.
 */
export async function trustedMd5(
  container: AzureContainer,
  key: string,
  blob: BlobGetPropertiesResponse,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { contentMD5, blobType, copyId, createdOn, lastModified, etag } = blob;
  const isAsMade = copyId === undefined && createdOn !== undefined && createdOn.getTime() === lastModified?.getTime();
  if (contentMD5 === undefined || blobType !== "BlockBlob" || !isAsMade) return undefined;
  const list = await orMissing(
    container.run(key, signal, (options) => container.blob(key).getBlockList("committed", options)),
  );
  const isSame = list !== undefined && versionOf(list.etag) === versionOf(etag);
  return isSame && !list.committedBlocks?.length ? Buffer.from(contentMD5).toString("hex") : undefined;
}

/** The MD5 of bytes, taken without holding up everything else. */
export async function md5Of(body: Uint8Array): Promise<Uint8Array> {
  const hash = createHash("md5");
  for (let from = 0; from < body.length; from += HASH_AT_ONCE) {
    if (from > 0) await turn();
    hash.update(body.subarray(from, from + HASH_AT_ONCE));
  }
  return hash.digest();
}
