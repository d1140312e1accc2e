/**
 * A small fake of the JSON API of Google Cloud Storage, in memory, on a port of its own: there is no emulator that
 * knows conditions, chunks and compositions. Google's own client is run against it, to keep it honest. Its faults are
 * what real stores do on bad days.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { mediaOf } from "./gcs-fake-media.js";
import {
  attributesOf,
  type FakeAttributes,
  FakeBucket,
  type FakeObject,
  FakeRefusal,
  resourceOf,
} from "./gcs-fake-objects.js";
import { beginSession, type FakeSession, multipartOf, putChunk } from "./gcs-fake-uploads.js";
import { chunksOf } from "./temporary.js";

/** What a request asks for. */
export type FakeOperation =
  | "bucket"
  | "list"
  | "get"
  | "media"
  | "patch"
  | "delete"
  | "rewrite"
  | "compose"
  | "upload"
  | "session"
  | "chunk"
  | "status"
  | "cancel"
  | "unknown";

/** What goes wrong. */
export type FakeFault =
  /** Refused with a status; nothing is done. */
  | { readonly kind: "status"; readonly status: number; readonly reason?: string }
  /** The socket is gone; nothing is done. */
  | { readonly kind: "drop" }
  /** It is done, but the socket goes before the answer. */
  | { readonly kind: "lost" }
  /** No answer. */
  | { readonly kind: "stall" }
  /** So many bytes of a chunk are not kept. */
  | { readonly kind: "short"; readonly bytes: number }
  /** So many bytes of a body are sent, then the socket goes, or nothing more comes. */
  | { readonly kind: "cut" | "hang"; readonly bytes: number }
  /** The answer comes so many milliseconds later. */
  | { readonly kind: "late"; readonly milliseconds: number };

/** When something goes wrong. */
export interface FakeRule {
  readonly on: FakeOperation | "any";
  readonly fault: FakeFault;
  /** Requests of that kind that go well before; default 0. */
  readonly after?: number;
  /** Requests of that kind that go wrong; default 1. */
  readonly times?: number;
}

/** A request as it came. */
export interface FakeRequest {
  readonly operation: FakeOperation;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

/** Bytes that are sent at a time. */
const SLICE = 64 * 1024;

interface Call extends FakeRequest {
  readonly body: Buffer;
  readonly fault: FakeFault | undefined;
}

type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: object | Buffer };

/** A running fake. */
export class GcsFake implements AsyncDisposable {
  readonly buckets = new Map<string, FakeBucket>();
  /** Begun and neither ended nor given up. */
  readonly sessions = new Map<string, FakeSession>();
  /** Requests since the start. */
  readonly requests: FakeRequest[] = [];
  /** Bytes that one call of a rewrite gets through; all of them unless it is set. */
  rewriteBytes = Number.POSITIVE_INFINITY;
  /** What requests must carry as a bearer's token; nothing unless it is set. */
  token: string | undefined;
  /** Settles when requests are answered again; absent while they are. */
  #held: Promise<void> | undefined;
  readonly #rules: { rule: FakeRule; seen: number }[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** Starts one: `await using fake = await GcsFake.start()`. */
  static async start(...buckets: readonly string[]): Promise<GcsFake> {
    const fake = new GcsFake();
    for (const name of buckets) fake.buckets.set(name, new FakeBucket(name));
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  /** Where it is, as the SDK's `apiEndpoint`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }

  /** The bucket of that name. */
  bucket(name: string): FakeBucket {
    const bucket = this.buckets.get(name);
    if (bucket === undefined) throw new FakeRefusal(404, "notFound", "The specified bucket does not exist.");
    return bucket;
  }

  /** Lets something go wrong. */
  fail(...rules: readonly FakeRule[]): void {
    for (const rule of rules) this.#rules.push({ rule, seen: 0 });
  }

  /** Answers nothing and sends no more bytes until the value is disposed; what was held then ends without an answer. */
  hold(): AsyncDisposable {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return {
      [Symbol.asyncDispose]: async () => {
        this.#held = undefined;
        release();
      },
    };
  }

  /** How often something was asked for. */
  count(operation: FakeOperation): number {
    return this.requests.filter((request) => request.operation === operation).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #send(response: ServerResponse, { status, headers = {}, body }: Answer, fault?: FakeFault): Promise<void> {
    const isJson = body !== undefined && !Buffer.isBuffer(body);
    const bytes = isJson ? Buffer.from(JSON.stringify(body)) : (body ?? Buffer.alloc(0));
    const type = isJson ? { "content-type": "application/json; charset=UTF-8" } : {};
    response.writeHead(status, { ...type, ...headers, "content-length": bytes.length });
    response.flushHeaders();
    const sent = fault?.kind === "cut" || fault?.kind === "hang" ? bytes.subarray(0, fault.bytes) : bytes;
    const closed = new Promise((resolve) => response.once("close", resolve));
    for (const slice of chunksOf(sent, SLICE)) {
      if (this.#held !== undefined) return void (await this.#held, response.destroy());
      if (!response.write(slice))
        await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
      if (response.destroyed) return;
    }
    if (sent === bytes) response.end();
    else if (fault?.kind === "cut") setImmediate(() => response.destroy());
  }

  #fault(operation: FakeOperation): FakeFault | undefined {
    let found: FakeFault | undefined;
    for (const state of this.#rules) {
      const { on, fault, after = 0, times = 1 } = state.rule;
      if (on !== "any" && on !== operation) continue;
      const index = state.seen++;
      if (index >= after && index < after + times) found ??= fault;
    }
    return found;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => undefined);
    try {
      const call = await this.#callOf(request);
      const { fault } = call;
      if (this.#held !== undefined) return void (await this.#held, request.socket.destroy());
      if (this.token !== undefined && call.headers.authorization !== `Bearer ${this.token}`)
        throw new FakeRefusal(401, "authError", "Invalid Credentials");
      if (fault?.kind === "late") await pause(fault.milliseconds);
      if (fault?.kind === "stall") return;
      if (fault?.kind === "drop") return void request.socket.destroy();
      if (fault?.kind === "status") throw new FakeRefusal(fault.status, fault.reason ?? "backendError");
      const answer = this.#do(call);
      if (fault?.kind === "lost") return void request.socket.destroy();
      await this.#send(response, answer, fault);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      const { status, reason, message } = error instanceof FakeRefusal ? error : new FakeRefusal(500, String(error));
      const errors = [{ domain: "global", reason, message }];
      await this.#send(response, { status, body: { error: { code: status, message, errors } } }, undefined);
    }
  }

  async #callOf(request: IncomingMessage): Promise<Call> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "", this.endpoint);
    const { method = "GET", headers } = request;
    const operation = operationOf(method, path, query, headers["content-range"]);
    const seen = { operation, method, path, query, headers };
    this.requests.push(seen);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return { ...seen, body: Buffer.concat(chunks), fault: this.#fault(operation) };
  }

  #do(call: Call): Answer {
    const { operation, path, query } = call;
    const [bucketName = "", name = "", ...rest] = namesOf(path);
    if (operation === "unknown") throw new FakeRefusal(404, "notFound", "Not Found");
    if (operation === "bucket") return this.#bucket(call, bucketName);
    const bucket = this.bucket(bucketName);
    if (operation === "list") {
      const { items, ...page } = bucket.list(query);
      const wanted = fieldsOf(query.get("fields"), "items");
      const body = {
        kind: "storage#objects",
        ...page,
        items: items.map((item) => resourceOf(bucketName, item, wanted)),
      };
      return { status: 200, body };
    }
    if (operation === "upload" || operation === "session") return this.#upload(call, bucket);
    if (operation === "chunk" || operation === "status" || operation === "cancel") return this.#session(call);
    if (operation === "rewrite") return this.#rewrite(call, bucket, name, rest);
    if (operation === "compose") return compose(call, bucket, name);
    const object = bucket.get(name, query);
    if (operation === "media") return mediaOf(object, call.headers);
    if (operation === "delete") return (bucket.delete(name), { status: 204 });
    const fields = operation === "patch" ? (JSON.parse(call.body.toString()) as FakeAttributes) : undefined;
    return shown(bucket, fields === undefined ? object : bucket.patch(object, fields), query);
  }

  #bucket({ method, body }: Call, name: string): Answer {
    if (method === "GET") return { status: 200, body: { kind: "storage#bucket", name: this.bucket(name).name } };
    const made = JSON.parse(body.toString()) as { readonly name: string };
    if (this.buckets.has(made.name))
      throw new FakeRefusal(409, "conflict", "Your previous request to create it succeeded.");
    this.buckets.set(made.name, new FakeBucket(made.name));
    return { status: 200, body: { kind: "storage#bucket", ...made } };
  }

  #upload({ operation, query, headers, body }: Call, bucket: FakeBucket): Answer {
    if (operation === "session") {
      const session = beginSession(bucket, query, headers, body);
      this.sessions.set(session.id, session);
      const location = `${this.endpoint}/upload/storage/v1/b/${bucket.name}/o?uploadType=resumable&upload_id=${session.id}`;
      return { status: 200, headers: { location } };
    }
    const contentType = headers["content-type"] ?? "application/octet-stream";
    const { fields, content } =
      query.get("uploadType") === "multipart"
        ? multipartOf(contentType, body)
        : { fields: { contentType }, content: body };
    const name = query.get("name") ?? (fields as { readonly name?: string }).name ?? "";
    return shown(bucket, bucket.put(name, content, fields, query), query);
  }

  #session({ operation, query, headers, body, fault }: Call): Answer {
    const session = this.sessions.get(query.get("upload_id") ?? "");
    if (session === undefined) throw new FakeRefusal(404, "notFound", "No such session");
    if (operation === "cancel") {
      if (session.done === undefined) this.sessions.delete(session.id);
      return { status: 499 };
    }
    const object = putChunk(session, headers["content-range"], body, fault?.kind === "short" ? fault.bytes : 0);
    if (object !== undefined) return shown(session.bucket, object, session.query);
    const range: Record<string, string> = session.size > 0 ? { range: `bytes=0-${session.size - 1}` } : {};
    if (headers["x-guploader-no-308"] !== "yes") return { status: 308, headers: range };
    return { status: 200, headers: { ...range, "x-http-status-code-override": "308" } };
  }

  #rewrite({ path, query, body }: Call, bucket: FakeBucket, name: string, [to = "", toName = ""]: string[]): Answer {
    const source = bucket.get(name, query, "Source");
    const target = this.bucket(to);
    target.check(toName, query);
    const fields = (JSON.parse(body.toString() || "null") ?? {}) as FakeAttributes;
    const size = source.body.length;
    const before = rewritten(query.get("rewriteToken"), source);
    const after = Math.min(size, before + this.rewriteBytes);
    const progress = { kind: "storage#rewriteResponse", totalBytesRewritten: String(after), objectSize: String(size) };
    if (after < size && !path.includes("/copyTo/")) {
      const rewriteToken = Buffer.from(`${source.generation}:${after}`).toString("base64url");
      return { status: 200, body: { ...progress, done: false, rewriteToken } };
    }
    // What is said of the new object takes the place of all that was said of the old one.
    const attributes = Object.keys(attributesOf(fields)).length > 0 ? fields : attributesOf(source);
    const made = target.put(toName, source.body, attributes, query);
    const resource = resourceOf(target.name, made);
    return { status: 200, body: path.includes("/copyTo/") ? resource : { ...progress, done: true, resource } };
  }
}

function rewritten(token: string | null, { generation }: FakeObject): number {
  if (token === null) return 0;
  const [of, bytes] = Buffer.from(token, "base64url").toString().split(":");
  if (Number(of) !== generation) throw new FakeRefusal(400, "invalid", "The token is for another rewrite");
  return Number(bytes);
}

function compose({ query, body }: Call, bucket: FakeBucket, name: string): Answer {
  const { sourceObjects = [], destination = {} } = JSON.parse(body.toString()) as {
    readonly sourceObjects?: readonly {
      readonly name: string;
      readonly generation?: string | number;
      readonly objectPreconditions?: { readonly ifGenerationMatch?: string | number };
    }[];
    readonly destination?: FakeAttributes;
  };
  if (sourceObjects.length === 0 || sourceObjects.length > 32)
    throw new FakeRefusal(400, "invalid", `${sourceObjects.length} sources; 1 to 32 can be composed`);
  const sources = sourceObjects.map(({ name, generation, objectPreconditions: { ifGenerationMatch } = {} }) => {
    const conditions = new URLSearchParams();
    if (generation !== undefined) conditions.set("generation", String(generation));
    if (ifGenerationMatch !== undefined) conditions.set("ifGenerationMatch", String(ifGenerationMatch));
    return bucket.get(name, conditions);
  });
  const [storageClass, ...others] = new Set(sources.map((source) => source.storageClass));
  if (others.length > 0) throw new FakeRefusal(400, "invalid", "The sources have several storage classes");
  const components = sources.reduce((sum, { componentCount = 1 }) => sum + componentCount, 0);
  const content = Buffer.concat(sources.map((source) => source.body));
  return shown(bucket, bucket.put(name, content, { ...destination, storageClass }, query, components), query);
}

function shown(bucket: FakeBucket, object: FakeObject, query: URLSearchParams): Answer {
  return { status: 200, body: resourceOf(bucket.name, object, fieldsOf(query.get("fields"), "")) };
}

/** The names of `name,size` or, below a key, of `items(name,size),prefixes`; nothing where all are wanted. */
function fieldsOf(fields: string | null, below: string): ReadonlySet<string> | undefined {
  if (fields === null) return undefined;
  if (below === "") return new Set(fields.split(","));
  const inner = new RegExp(`${below}\\(([^)]*)\\)`).exec(fields)?.[1];
  return inner === undefined ? undefined : new Set(inner.split(","));
}

/** The parts of an address; the emulator's host is used without `/storage/v1`. */
const ROUTE =
  /^(?:\/(?:download\/|upload\/|resumable\/upload\/)?storage\/v1)?\/b(?:\/([^/]+)(\/o(?:\/([^/]+)(?:\/(rewriteTo|copyTo|compose)(?:\/b\/([^/]+)\/o\/([^/]+))?)?)?)?)?\/?$/;

/** Bucket and object, and where a rewrite goes. */
function namesOf(path: string): string[] {
  const [, bucket = "", , object = "", , toBucket = "", toObject = ""] = ROUTE.exec(path) ?? [];
  return [bucket, object, toBucket, toObject].map(decodeURIComponent);
}

function operationOf(method: string, path: string, query: URLSearchParams, range: string | undefined): FakeOperation {
  const route = ROUTE.exec(path);
  if (route === null) return "unknown";
  if (/^\/(resumable\/)?upload\//.test(path)) {
    if (!query.has("upload_id")) return query.get("uploadType") === "resumable" ? "session" : "upload";
    if (method === "DELETE") return "cancel";
    return range === "bytes */*" ? "status" : "chunk";
  }
  const [, , objects, object, verb] = route;
  if (objects === undefined) return "bucket";
  if (object === undefined) return "list";
  if (verb !== undefined) return verb === "compose" ? "compose" : "rewrite";
  if (method === "PATCH") return "patch";
  if (method === "DELETE") return "delete";
  return query.get("alt") === "media" ? "media" : "get";
}
