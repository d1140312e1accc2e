/** What a bucket of the fake S3 holds, and the rules of S3 about it. Knows no HTTP. */
import { createHash, randomBytes } from "node:crypto";

/** A refusal of S3. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** Bytes, or only how many: then they are read back as zeros. */
export type Content = Buffer | number;

/** An object. */
export interface FakeObject {
  readonly content: Content;
  readonly tag: string;
  readonly modified: Date;
  /** Headers that come back with it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Bytes with their tag. */
export interface FakePart {
  readonly content: Content;
  readonly tag: string;
}

/** An upload in parts. */
export interface FakeUpload {
  readonly id: string;
  readonly key: string;
  readonly begun: Date;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, FakePart>;
}

/** What must stand at a key. */
export interface FakeConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** A page of keys and prefixes. */
export interface FakePage {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly next: string | undefined;
}

const MIN_PART = 5 * 1024 ** 2;
const MAX_COPY = 5 * 1024 ** 3;

/** Bytes of a content. */
export function sizeOf(content: Content): number {
  return typeof content === "number" ? content : content.length;
}

/** Bytes `[start, end)` of a content. */
export function sliceOf(content: Content, start: number, end: number): Content {
  return typeof content === "number" ? end - start : content.subarray(start, end);
}

/** The tag of bytes; of those that are not kept, one that nothing else has. */
export function tagOf(content: Content): string {
  const bytes = typeof content === "number" ? randomBytes(16) : content;
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

/** A bucket. */
export class FakeBucket {
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<string, FakeUpload>();
  /** The keys, in the order of their bytes. */
  readonly #sorted: string[] = [];

  /** An object, if it is there and as the conditions want it. */
  object(key: string, { ifMatch }: FakeConditions = {}): FakeObject {
    const object = this.objects.get(key);
    if (object === undefined) throw new Refusal(404, "NoSuchKey");
    if (ifMatch !== undefined && ifMatch !== object.tag) throw new Refusal(412, "PreconditionFailed");
    return object;
  }

  put(
    key: string,
    part: FakePart,
    headers: Readonly<Record<string, string>>,
    conditions: FakeConditions = {},
  ): FakeObject {
    if (Buffer.byteLength(key) > 1024) throw new Refusal(400, "KeyTooLongError");
    this.require(key, conditions);
    const object = { ...part, headers, modified: new Date() };
    if (!this.objects.has(key)) this.#sorted.splice(this.#behind(key, true), 0, key);
    this.objects.set(key, object);
    return object;
  }

  remove(key: string): void {
    if (this.objects.delete(key)) this.#sorted.splice(this.#behind(key, true), 1);
  }

  /** Removes everything. */
  clear(): void {
    this.objects.clear();
    this.uploads.clear();
    this.#sorted.length = 0;
  }

  /** @throws Refusal where something else stands at the key */
  require(key: string, { ifMatch, ifNoneMatch }: FakeConditions): void {
    if (ifNoneMatch === "*" && this.objects.has(key)) throw new Refusal(412, "PreconditionFailed");
    if (ifMatch !== undefined) this.object(key, { ifMatch });
  }

  /** The source of a copy in one request. */
  source(key: string, ifMatch: string | undefined): FakeObject {
    const object = this.object(key, { ifMatch });
    if (sizeOf(object.content) > MAX_COPY) throw new Refusal(400, "InvalidRequest");
    return object;
  }

  begin(key: string, headers: Readonly<Record<string, string>>): FakeUpload {
    const upload = { id: randomBytes(8).toString("hex"), key, begun: new Date(), headers, parts: new Map() };
    this.uploads.set(upload.id, upload);
    return upload;
  }

  upload(id: string, key: string): FakeUpload {
    const upload = this.uploads.get(id);
    if (upload?.key !== key) throw new Refusal(404, "NoSuchUpload");
    return upload;
  }

  complete(
    upload: FakeUpload,
    asked: readonly { readonly number: number; readonly tag: string }[],
    conditions: FakeConditions,
  ): FakeObject {
    if (asked.length === 0) throw new Refusal(400, "MalformedXML");
    const parts = asked.map(({ number, tag }, index) => {
      const part = upload.parts.get(number);
      if (part?.tag !== tag) throw new Refusal(400, "InvalidPart");
      if (index > 0 && number <= (asked[index - 1]?.number ?? 0)) throw new Refusal(400, "InvalidPartOrder");
      if (index < asked.length - 1 && sizeOf(part.content) < MIN_PART) throw new Refusal(400, "EntityTooSmall");
      return part;
    });
    const contents = parts.map(({ content }) => content);
    const content = contents.some((part) => typeof part === "number")
      ? contents.reduce((sum: number, part) => sum + sizeOf(part), 0)
      : Buffer.concat(contents as Buffer[]);
    const hash = createHash("md5");
    for (const { tag } of parts) hash.update(tag.slice(1, -1), "hex");
    const tag = `"${hash.digest("hex")}-${parts.length}"`;
    const object = this.put(upload.key, { content, tag }, upload.headers, conditions);
    this.uploads.delete(upload.id);
    return object;
  }

  /** Keys behind `after` that begin with the prefix, in the order of their bytes. */
  list(prefix: string, delimiter: string, after: string, limit: number): FakePage {
    const [keys, prefixes]: [string[], string[]] = [[], []];
    let last = after;
    for (let index = this.#behind(after > prefix ? after : prefix, after < prefix); ; index++) {
      const key = this.#sorted[index];
      if (key === undefined || !key.startsWith(prefix)) return { keys, prefixes, next: undefined };
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      const shared = end < 0 ? undefined : key.slice(0, end + delimiter.length);
      if (shared !== undefined && shared === last) continue;
      if (keys.length + prefixes.length === limit) return { keys, prefixes, next: last };
      (shared === undefined ? keys : prefixes).push(shared ?? key);
      last = shared ?? key;
    }
  }

  /** The place of the first key behind another one, or at it. */
  #behind(text: string, orAt: boolean): number {
    const bytes = Buffer.from(text);
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = Buffer.compare(Buffer.from(this.#sorted[middle] ?? ""), bytes);
      if (order < 0 || (order === 0 && !orAt)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
