/** The objects of the fake of Google Cloud Storage: what a bucket holds, conditions, listings. Knows no HTTP. */
import { createHash } from "node:crypto";

/** What an object is given besides its bytes. */
export interface FakeAttributes {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string | null>>;
  readonly storageClass?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
}

/** One object in one generation. */
export interface FakeObject extends FakeAttributes {
  readonly name: string;
  readonly body: Buffer;
  readonly generation: number;
  readonly metageneration: number;
  readonly created: Date;
  readonly updated: Date;
  readonly componentCount?: number;
}

/** Conditions of a request, as its query holds them. */
export interface FakeConditions {
  get(name: string): string | null;
}

/** A refusal, as the JSON API words it. */
export class FakeRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string = reason) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

const EDITABLE = [
  "contentType",
  "metadata",
  "storageClass",
  "cacheControl",
  "contentDisposition",
  "contentEncoding",
  "contentLanguage",
] as const;

let clock = 1_700_000_000_000_000;

/** The attributes among other fields. */
export function attributesOf(fields: FakeAttributes): FakeAttributes {
  return Object.fromEntries(EDITABLE.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]]])));
}

/** A bucket. */
export class FakeBucket {
  readonly name: string;
  readonly objects = new Map<string, FakeObject>();
  /** In the order of their bytes. */
  readonly #names: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** @throws FakeRefusal 404, 412, 304 */
  get(name: string, conditions: FakeConditions, which = ""): FakeObject {
    const object = this.objects.get(name);
    const key = which === "" ? "generation" : "sourceGeneration";
    const generation = conditions.get(key);
    if (object === undefined || (generation !== null && Number(generation) !== object.generation))
      throw new FakeRefusal(404, "notFound", `No such object: ${this.name}/${name}`);
    this.check(name, conditions, which);
    return object;
  }

  /** @throws FakeRefusal 412, 304 */
  check(name: string, conditions: FakeConditions, which = ""): void {
    const object = this.objects.get(name);
    const found = { Generation: object?.generation ?? 0, Metageneration: object?.metageneration ?? 0 };
    for (const [kind, value] of Object.entries(found)) {
      const match = conditions.get(`if${which}${kind}Match`);
      if (match !== null && Number(match) !== value)
        throw new FakeRefusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.");
      const not = conditions.get(`if${which}${kind}NotMatch`);
      if (not !== null && Number(not) === value) throw new FakeRefusal(304, "notModified");
    }
  }

  /** Writes a new generation. @throws FakeRefusal 400, 412 */
  put(name: string, body: Buffer, fields: FakeAttributes, conditions: FakeConditions, componentCount?: number) {
    if (name === "" || name === "." || name === ".." || Buffer.byteLength(name) > 1024 || /[\r\n]/.test(name))
      throw new FakeRefusal(400, "invalid", `Disallowed object name: ${JSON.stringify(name)}`);
    this.check(name, conditions);
    const now = new Date();
    const object: FakeObject = {
      contentType: "application/octet-stream",
      storageClass: "STANDARD",
      ...attributesOf(fields),
      name,
      body,
      generation: ++clock,
      metageneration: 1,
      created: now,
      updated: now,
      ...(componentCount !== undefined && { componentCount }),
    };
    if (!this.objects.has(name)) this.#names.splice(this.#position(name), 0, name);
    this.objects.set(name, object);
    return object;
  }

  /** Changes attributes, `null` takes one away. */
  patch(object: FakeObject, fields: FakeAttributes): FakeObject {
    const merged = Object.entries({ ...object.metadata, ...fields.metadata }).filter(([, value]) => value !== null);
    const metadata = fields.metadata === null ? {} : Object.fromEntries(merged);
    const patched: FakeObject = {
      ...object,
      ...attributesOf(fields),
      metadata,
      metageneration: object.metageneration + 1,
      updated: new Date(),
    };
    this.objects.set(object.name, patched);
    return patched;
  }

  delete(name: string): void {
    if (this.objects.delete(name)) this.#names.splice(this.#position(name), 1);
  }

  /** Part of a listing, in the order of the names' bytes. */
  list(query: URLSearchParams) {
    const prefix = query.get("prefix") ?? "";
    const delimiter = query.get("delimiter") ?? "";
    const after = Buffer.from(query.get("pageToken") ?? "", "base64url").toString();
    const from = query.get("startOffset") ?? "";
    const max = Math.min(1000, Number(query.get("maxResults") ?? 1000));
    const items: FakeObject[] = [];
    const prefixes: string[] = [];
    let last = after;
    for (let index = this.#position([prefix, from, after].sort(byBytes)[2]!); ; index++) {
      const name = this.#names[index];
      if (name === undefined || !name.startsWith(prefix)) return { items, prefixes };
      const end = delimiter === "" ? -1 : name.indexOf(delimiter, prefix.length);
      const shown = end < 0 ? name : name.slice(0, end + delimiter.length);
      if (shown === last || byBytes(name, after) <= 0) continue;
      if (items.length + prefixes.length === max)
        return { items, prefixes, nextPageToken: Buffer.from(last).toString("base64url") };
      if (end < 0) items.push(this.objects.get(name)!);
      else prefixes.push(shown);
      last = shown;
    }
  }

  /** Of the first name that is not before this one. */
  #position(name: string): number {
    const names = this.#names;
    let [low, high] = [0, names.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byBytes(names[middle]!, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** UTF-16 sorts characters beyond U+FFFF before some that are below. */
function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  if (!/[\ud800-\udfff]/.test(a + b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The object as the API shows it, no more than `fields` asks for. */
export function resourceOf(bucket: string, object: FakeObject, wanted?: ReadonlySet<string>): object {
  const { body, created, updated, name, generation, metageneration, componentCount } = object;
  const getters: Readonly<Record<string, () => unknown>> = {
    kind: () => "storage#object",
    id: () => `${bucket}/${name}/${generation}`,
    bucket: () => bucket,
    name: () => name,
    generation: () => String(generation),
    metageneration: () => String(metageneration),
    size: () => String(body.length),
    timeCreated: () => created.toISOString(),
    updated: () => updated.toISOString(),
    etag: () => Buffer.from(String(generation)).toString("base64"),
    md5Hash: () => (componentCount === undefined ? checksumsOf(body).md5 : undefined),
    crc32c: () => checksumsOf(body).crc32c,
    componentCount: () => componentCount,
    ...Object.fromEntries(Object.entries(attributesOf(object)).map(([key, value]) => [key, () => value])),
  };
  const shown = Object.entries(getters).filter(([key]) => wanted === undefined || wanted.has(key));
  return Object.fromEntries(shown.map(([key, read]) => [key, read()]));
}

/** The checksums of bodies that were asked for: the slow part of this fake. */
const known = new WeakMap<Buffer, { readonly md5: string; readonly crc32c: string }>();

/** Base64, as `x-goog-hash` has them. */
export function checksumsOf(body: Buffer): { readonly md5: string; readonly crc32c: string } {
  const found = known.get(body) ?? { md5: createHash("md5").update(body).digest("base64"), crc32c: crc32c(body) };
  known.set(body, found);
  return found;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0x82f63b78 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Base64 of the big-endian checksum (Castagnoli). */
function crc32c(body: Buffer): string {
  let value = ~0;
  for (const byte of body) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(~value >>> 0);
  return bytes.toString("base64");
}
