/** What the operations of the fake S3 do. Knows no connections. */
import {
  type Content,
  type FakeBucket,
  type FakeConditions,
  type FakeObject,
  type FakePart,
  Refusal,
  sizeOf,
  sliceOf,
  tagOf,
} from "./s3-fake-bucket.js";
import { type Element, elementsOf, written } from "./s3-fake-xml.js";

/** One request, as tests see it. */
export interface FakeCall {
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its number since the start, from 0. */
  readonly index: number;
  /** How many of this operation came before. */
  readonly nth: number;
}

/** What an operation answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Content;
}

/** What is asked. */
export interface Asked {
  readonly call: FakeCall;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly conditions: FakeConditions;
  /** Body, once it has arrived. */
  readonly body: FakePart;
}

const KEPT =
  /^(?:content-(?:type|disposition|encoding|language)|cache-control|expires|x-amz-meta-.*|x-amz-storage-class)$/;

type Operation = (bucket: FakeBucket, asked: Asked) => Answer;

/** What is not among them. */
export const unknown: Operation = () => {
  throw new Refusal(501, "NotImplemented");
};

/** The operations by name. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateBucket: () => ({ status: 200 }),
  PutObject: (bucket, { call, headers, body, conditions }) => {
    const { tag } = bucket.put(call.key, body, keptOf(headers), conditions);
    return { status: 200, headers: { etag: tag } };
  },
  GetObject: (bucket, { call, headers, conditions }) => {
    const object = bucket.object(call.key, conditions);
    const all = { ...headersOf(object, headers), "accept-ranges": "bytes" };
    const size = sizeOf(object.content);
    if (headers.range === undefined) return { status: 200, headers: all, body: object.content };
    const [start, end] = rangeOf(headers.range, size);
    const range = { "content-range": `bytes ${start}-${end - 1}/${size}` };
    return { status: 206, headers: { ...all, ...range }, body: sliceOf(object.content, start, end) };
  },
  HeadObject: (bucket, { call, headers, conditions }) => {
    const object = bucket.object(call.key, conditions);
    return { status: 200, headers: headersOf(object, headers), body: object.content };
  },
  DeleteObject: (bucket, { call }) => {
    bucket.remove(call.key);
    return { status: 204 };
  },
  CopyObject: (bucket, { call, headers, conditions }) => {
    const from = bucket.source(sourceOf(headers), headers["x-amz-copy-source-if-match"]);
    const replaced = headers["x-amz-metadata-directive"] === "REPLACE";
    if (sourceOf(headers) === call.key && !replaced) throw new Refusal(400, "InvalidRequest");
    const { content } = from;
    const to = bucket.put(call.key, { content, tag: from.tag }, replaced ? keptOf(headers) : from.headers, conditions);
    return xml("CopyObjectResult", [
      ["ETag", to.tag],
      ["LastModified", to.modified.toISOString()],
    ]);
  },
  CreateMultipartUpload: (bucket, { call, headers }) =>
    xml("InitiateMultipartUploadResult", [["UploadId", bucket.begin(call.key, keptOf(headers)).id]]),
  UploadPart: (bucket, { call, query, body }) => {
    bucket.upload(query.get("uploadId") ?? "", call.key).parts.set(numberOf(query), body);
    return { status: 200, headers: { etag: body.tag } };
  },
  UploadPartCopy: (bucket, { call, query, headers }) => {
    const { parts } = bucket.upload(query.get("uploadId") ?? "", call.key);
    const { content } = bucket.object(sourceOf(headers), { ifMatch: headers["x-amz-copy-source-if-match"] });
    const range = headers["x-amz-copy-source-range"];
    const slice = range === undefined ? content : sliceOf(content, ...rangeOf(range, sizeOf(content)));
    const part = { content: slice, tag: tagOf(slice) };
    parts.set(numberOf(query), part);
    return xml("CopyPartResult", [["ETag", part.tag]]);
  },
  ListParts: (bucket, { call, query }) => {
    const { parts } = bucket.upload(query.get("uploadId") ?? "", call.key);
    return xml(
      "ListPartsResult",
      [...parts].map(([number, { tag }]) => [
        "Part",
        [
          ["PartNumber", String(number)],
          ["ETag", tag],
        ],
      ]),
    );
  },
  CompleteMultipartUpload: (bucket, { call, query, body, conditions }) => {
    const upload = bucket.upload(query.get("uploadId") ?? "", call.key);
    const asked = elementsOf(String(body.content), "Part").map((part) => ({
      number: Number(elementsOf(part, "PartNumber")[0]),
      tag: elementsOf(part, "ETag")[0] ?? "",
    }));
    return xml("CompleteMultipartUploadResult", [["ETag", bucket.complete(upload, asked, conditions).tag]]);
  },
  AbortMultipartUpload: (bucket, { call, query }) => {
    bucket.uploads.delete(bucket.upload(query.get("uploadId") ?? "", call.key).id);
    return { status: 204 };
  },
  ListMultipartUploads: (bucket, { query }) => {
    const [prefix, after] = [
      query.get("prefix") ?? "",
      placeOf(query.get("key-marker"), query.get("upload-id-marker")),
    ];
    const behind = [...bucket.uploads.values()]
      .filter(({ key, id }) => key.startsWith(prefix) && placeOf(key, id) > after)
      .sort((one, other) => (placeOf(one.key, one.id) < placeOf(other.key, other.id) ? -1 : 1));
    const page = behind.slice(0, 1000);
    const last = page.at(-1);
    return xml("ListMultipartUploadsResult", [
      ["IsTruncated", String(page.length < behind.length)],
      // Not encoded, as one real server has it.
      ["NextKeyMarker", last?.key ?? ""],
      ["NextUploadIdMarker", last?.id ?? ""],
      ...page.map(({ key, id, begun }): Element => {
        return [
          "Upload",
          [
            ["Key", named(key, query)],
            ["UploadId", id],
            ["Initiated", begun.toISOString()],
          ],
        ];
      }),
    ]);
  },
  ListObjectsV2: (bucket, { query }) => {
    const token = query.get("continuation-token");
    const after = token === null ? (query.get("start-after") ?? "") : Buffer.from(token, "base64").toString();
    const limit = Math.min(1000, Number(query.get("max-keys") ?? 1000));
    const { keys, prefixes, next } = bucket.list(query.get("prefix") ?? "", query.get("delimiter") ?? "", after, limit);
    return xml("ListBucketResult", [
      ["IsTruncated", String(next !== undefined)],
      ...(next === undefined ? [] : [["NextContinuationToken", Buffer.from(next).toString("base64")] as const]),
      ...keys.map((key) => contentsOf(key, bucket.object(key), query)),
      ...prefixes.map((prefix): Element => ["CommonPrefixes", [["Prefix", named(prefix, query)]]]),
    ]);
  },
};

function contentsOf(key: string, { tag, content, modified }: FakeObject, query: URLSearchParams): Element {
  return [
    "Contents",
    [
      ["Key", named(key, query)],
      ["Size", String(sizeOf(content))],
      ["ETag", tag],
      ["LastModified", modified.toISOString()],
    ],
  ];
}

/** Where an upload stands in a list. */
function placeOf(key: string | null, id: string | null): string {
  return `${key ?? ""}\0${id ?? ""}`;
}

/** A key as listings show it. */
function named(key: string, query: URLSearchParams): string {
  if (query.get("encoding-type") !== "url") return key;
  return encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
}

function numberOf(query: URLSearchParams): number {
  const number = Number(query.get("partNumber"));
  if (!(number >= 1 && number <= 10_000)) throw new Refusal(400, "InvalidArgument");
  return number;
}

/** The key of `bucket/key`; copies from other buckets are not needed. */
function sourceOf(headers: Readonly<Record<string, string>>): string {
  const source = headers["x-amz-copy-source"] ?? "";
  return decodeURIComponent(source.replace(/^\/?[^/]*\//, ""));
}

function rangeOf(range: string, size: number): [number, number] {
  const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const [start, end] = [Number(first), last === "" ? size : Math.min(size, Number(last) + 1)];
  if (first === "" || start >= size || end <= start) throw new Refusal(416, "InvalidRange");
  return [start, end];
}

function keptOf(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name)));
}

/** The headers of an object, checksums where they are asked for. */
function headersOf({ tag, modified, headers }: FakeObject, asked: Asked["headers"]): Readonly<Record<string, string>> {
  const told = asked["x-amz-checksum-mode"] === "ENABLED" ? headers : withoutChecksums(headers);
  return { ...told, etag: tag, "last-modified": modified.toUTCString() };
}

function withoutChecksums(headers: FakeObject["headers"]): FakeObject["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("x-amz-checksum-")));
}

/** A document as an answer. */
export function xml(name: string, content: readonly Element[]): Answer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: Buffer.from(written(name, content)) };
}
