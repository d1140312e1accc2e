/**
 * A small S3 in this process, for tests without a server and for faults that no server makes on demand: buckets by
 * path, objects, ranges, conditions, copies, uploads in parts, listings. Checks no signatures. Cross-checked with the
 * SDK, and by the contract, which passes on it and on a real server.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Content, FakeBucket, type FakePart, Refusal, sizeOf, sliceOf, tagOf } from "./s3-fake-bucket.js";
import { type Answer, type Asked, type FakeCall, OPERATIONS, unknown, xml } from "./s3-fake-operations.js";
import { configOf, type S3Server } from "./s3-server.js";

export type { FakeCall } from "./s3-fake-operations.js";

/** What goes wrong in one request. `at` counts bytes of the body. */
export type Fault =
  /** Refused before anything is done. */
  | { readonly fault: "refuse"; readonly status: number; readonly code: string }
  /** Nothing is done, nothing answered. */
  | { readonly fault: "stall" }
  /** The connection ends after so many bytes of the request. */
  | { readonly fault: "drop"; readonly at: number }
  /** All is done, and the connection ends without an answer. */
  | { readonly fault: "lose" }
  /** The connection ends after so many bytes of the answer. */
  | { readonly fault: "break"; readonly at: number }
  /** The answer stops after so many bytes, the connection stays. */
  | { readonly fault: "hang"; readonly at: number }
  /** The answer is whole by its headers, and shorter than it should be. */
  | { readonly fault: "shorten"; readonly at: number }
  /** Nothing is done; the status is 200, the body an error. */
  | { readonly fault: "lie"; readonly code: string }
  /** All is done, and something else is answered. With `transfer-encoding` it does not tell its length. */
  | { readonly fault: "alter"; readonly alter: (answer: Answer) => Answer };

const ZEROS = Buffer.alloc(256 * 1024);
/** The fake. */
export class S3Fake implements S3Server, AsyncDisposable {
  readonly buckets = new Map<string, FakeBucket>();
  /** Every request so far. */
  readonly calls: FakeCall[] = [];
  readonly #counts = new Map<string, number>();
  /** Asked before each request: what shall go wrong. */
  fault: (call: FakeCall) => Fault | undefined = () => undefined;
  /** Whether conditions on what is written are heeded: old servers ignore some. */
  conditional = true;
  readonly #keeps: boolean;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** Starts one on a free port of 127.0.0.1. @param keeps whether contents are kept, or only their sizes */
  static async start(keeps = true): Promise<S3Fake> {
    const fake = new S3Fake(keeps);
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get config(): S3Server["config"] {
    return configOf(this.endpoint);
  }

  /** How often an operation was asked for. */
  count(operation: string): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** Ends every connection, and takes no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const asked = this.#asked(request);
    const fault = this.fault(asked.call);
    // Who ends a connection is no fault of the fake's.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    try {
      const body = await received(
        request,
        fault?.fault === "drop" ? fault.at : Infinity,
        this.#keeps || request.method === "POST",
      );
      if (body === undefined) return void socket.destroy();
      if (fault?.fault === "stall") return;
      const answer = this.#answer({ ...asked, body }, fault);
      const altered = fault?.fault === "alter" ? fault.alter(answer) : answer;
      await sent(response, altered, fault, request.method === "HEAD");
    } catch {
      socket.destroy();
    }
  }

  #asked({ method = "", url = "", headers }: IncomingMessage): Omit<Asked, "body"> {
    const [path = "", search = ""] = url.split("?", 2);
    const [, bucket = "", ...rest] = path.split("/");
    const key = decodeURIComponent(rest.join("/"));
    const query = new URLSearchParams(search);
    const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    const operation = operationOf(method, key, query, flat);
    const call = {
      operation,
      bucket: decodeURIComponent(bucket),
      key,
      headers: flat,
      index: this.calls.length,
      nth: this.count(operation),
    };
    this.calls.push(call);
    this.#counts.set(operation, call.nth + 1);
    const heeded = this.conditional || method === "GET" || method === "HEAD";
    const conditions = heeded ? { ifMatch: flat["if-match"], ifNoneMatch: flat["if-none-match"] } : {};
    return { call, query, headers: flat, conditions };
  }

  #answer(asked: Asked, fault: Fault | undefined): Answer {
    const { call } = asked;
    const { bucket } = call;
    try {
      if (fault?.fault === "refuse") throw new Refusal(fault.status, fault.code);
      if (fault?.fault === "lie") return xml("Error", [["Code", fault.code]]);
      if (call.operation === "CreateBucket") this.buckets.set(bucket, new FakeBucket());
      const found = this.buckets.get(bucket);
      if (found === undefined) throw new Refusal(404, "NoSuchBucket");
      if (call.operation !== "DeleteBucket") return (OPERATIONS[call.operation] ?? unknown)(found, asked);
      if (found.objects.size > 0) throw new Refusal(409, "BucketNotEmpty");
      this.buckets.delete(bucket);
      return { status: 204 };
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, `InternalError ${String(error)}`);
      return { ...xml("Error", [["Code", refusal.code]]), status: refusal.status };
    }
  }
}

/** The body of a request, or nothing where it was cut. */
async function received(request: IncomingMessage, until: number, keeps: boolean): Promise<FakePart | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const hash = createHash("md5");
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size >= until) return undefined;
    if (!keeps) continue;
    hash.update(chunk);
    chunks.push(chunk);
  }
  if (until !== Infinity) return undefined;
  return keeps
    ? { content: Buffer.concat(chunks), tag: `"${hash.digest("hex")}"` }
    : { content: size, tag: tagOf(size) };
}

/** Sends an answer, with what shall go wrong. */
async function sent(
  response: ServerResponse,
  { status, headers, body = Buffer.alloc(0) }: Answer,
  fault: Fault | undefined,
  headOnly: boolean,
): Promise<void> {
  if (fault?.fault === "lose") return void response.destroy();
  const cut = fault?.fault === "break" || fault?.fault === "hang" || fault?.fault === "shorten" ? fault.at : Infinity;
  const content = cut < sizeOf(body) ? sliceOf(body, 0, cut) : body;
  const length = fault?.fault === "shorten" ? sizeOf(content) : sizeOf(body);
  const sized = headers?.["transfer-encoding"] === undefined;
  response.writeHead(status, { ...(sized && { "content-length": length }), ...headers });
  response.flushHeaders();
  if (!headOnly) await streamed(response, content);
  if (fault?.fault === "hang") return;
  if (fault?.fault === "break") response.destroy();
  else response.end();
}

async function streamed(response: ServerResponse, content: Content): Promise<void> {
  for (let from = 0; from < sizeOf(content) && !response.destroyed; from += ZEROS.length) {
    const to = Math.min(from + ZEROS.length, sizeOf(content));
    const chunk = typeof content === "number" ? ZEROS.subarray(0, to - from) : content.subarray(from, to);
    if (response.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        response.off("drain", go).off("close", go);
        resolve();
      };
      response.on("drain", go).on("close", go);
    });
  }
}

function operationOf(
  method: string,
  key: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, string>>,
): string {
  if (key === "" && query.has("list-type")) return "ListObjectsV2";
  if (key === "" && query.has("uploads")) return "ListMultipartUploads";
  const copies = headers["x-amz-copy-source"] !== undefined;
  const named: Readonly<Record<string, string>> = query.has("uploadId")
    ? {
        PUT: copies ? "UploadPartCopy" : "UploadPart",
        GET: "ListParts",
        POST: "CompleteMultipartUpload",
        DELETE: "AbortMultipartUpload",
      }
    : {
        PUT: copies ? "CopyObject" : "PutObject",
        GET: "GetObject",
        HEAD: "HeadObject",
        POST: "CreateMultipartUpload",
        DELETE: "DeleteObject",
      };
  return (key === "" ? { PUT: "CreateBucket", DELETE: "DeleteBucket" }[method] : named[method]) ?? "unknown";
}
