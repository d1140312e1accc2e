/** How the fake of Google Cloud Storage sends the bytes of an object. Knows no sockets. */
import type { IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { checksumsOf, type FakeObject } from "./gcs-fake-objects.js";

/** An answer with bytes. */
export interface FakeMedia {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** The answer to a request for an object's bytes: all of them, or those of its range. */
export function mediaOf(object: FakeObject, asked: IncomingHttpHeaders): FakeMedia {
  const { body, generation, metageneration, contentType = "", storageClass = "", contentEncoding, updated } = object;
  const { crc32c, md5 } = checksumsOf(body);
  const headers: Record<string, string> = {
    "content-type": contentType,
    "last-modified": updated.toUTCString(),
    "x-goog-generation": String(generation),
    "x-goog-metageneration": String(metageneration),
    "x-goog-storage-class": storageClass,
    "x-goog-stored-content-length": String(body.length),
    "x-goog-stored-content-encoding": contentEncoding ?? "identity",
    "x-goog-hash": `crc32c=${crc32c},md5=${md5}`,
    ...(contentEncoding !== undefined && { "content-encoding": contentEncoding }),
  };
  // Whoever does not take compressed bytes gets all of them uncompressed, whatever the range.
  if (contentEncoding === "gzip" && !asked["accept-encoding"]?.includes("gzip")) {
    delete headers["content-encoding"];
    return { status: 200, headers: { ...headers, warning: "214 UploadServer gunzipped" }, body: gunzipSync(body) };
  }
  const { range } = asked;
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (first === "" && last === "") return { status: 200, headers, body };
  const start = first === "" ? Math.max(0, body.length - Number(last)) : Number(first);
  const end = first === "" || last === "" ? body.length : Math.min(body.length, Number(last) + 1);
  if (start >= body.length || end <= start)
    return { status: 416, headers: { "content-range": `bytes */${body.length}` }, body: Buffer.from("InvalidRange") };
  const contentRange = `bytes ${start}-${end - 1}/${body.length}`;
  return { status: 206, headers: { ...headers, "content-range": contentRange }, body: body.subarray(start, end) };
}
