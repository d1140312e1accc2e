/** The checksums that S3 tells of an object: those that it was given with its bytes, and its tag where that is an MD5. */
import type { ChecksumAlgorithm } from "../../storage/checksum.js";
import type { Checksums } from "../objects/object-store.js";

/** What a HEAD tells, in the SDK's words; older SDKs know less. */
export interface ToldChecksums {
  readonly ETag?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly ChecksumType?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
  readonly ChecksumSHA1?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}

/** Which algorithm has which field, and how many bytes. */
const GIVEN: readonly (readonly [ChecksumAlgorithm, keyof ToldChecksums, number])[] = [
  ["crc32", "ChecksumCRC32", 4],
  ["sha1", "ChecksumSHA1", 20],
  ["sha256", "ChecksumSHA256", 32],
];

/** Checksums of all bytes of an object; none where those that are told are of its parts. */
export function checksumsOf(bucket: string, told: ToldChecksums): Checksums {
  const md5 = isPlain(bucket, told) ? /^"?([\da-f]{32})"?$/i.exec(told.ETag ?? "")?.[1] : undefined;
  return {
    ...(md5 !== undefined && { md5: md5.toLowerCase() }),
    ...(told.ChecksumType === "FULL_OBJECT" && Object.fromEntries(given(told))),
  };
}

function* given(told: ToldChecksums): Generator<[ChecksumAlgorithm, string]> {
  for (const [algorithm, field, length] of GIVEN) {
    const digest = Buffer.from(told[field] ?? "", "base64");
    if (digest.length === length) yield [algorithm, digest.toString("hex")];
  }
}

/** Whether a tag without parts is an MD5: not where a key of one's own encrypts, nor in directory buckets and their access points. */
function isPlain(bucket: string, { ServerSideEncryption = "AES256", SSECustomerAlgorithm }: ToldChecksums): boolean {
  return ServerSideEncryption === "AES256" && SSECustomerAlgorithm === undefined && !/--xa?-s3$/.test(bucket);
}
