/** Uploads to the fake of Google Cloud Storage: in one request, in two parts, and in sessions that can be resumed. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type FakeAttributes, type FakeBucket, type FakeObject, FakeRefusal } from "./gcs-fake-objects.js";

/** A chunk that does not end an upload is kept in whole pieces of so many bytes. */
export const QUANTUM = 256 * 1024;

/** A session. */
export interface FakeSession {
  readonly id: string;
  readonly bucket: FakeBucket;
  readonly name: string;
  readonly attributes: FakeAttributes;
  readonly query: URLSearchParams;
  kept: Buffer[];
  size: number;
  done?: FakeObject;
}

/** Begins a session. @throws FakeRefusal 412 */
export function beginSession(
  bucket: FakeBucket,
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
  body: Buffer,
): FakeSession {
  const fields = body.length === 0 ? {} : (JSON.parse(body.toString()) as FakeAttributes & { name?: string });
  const contentType = headers["x-upload-content-type"];
  const name = query.get("name") ?? (fields as { name?: string }).name ?? "";
  bucket.check(name, query);
  return {
    id: randomUUID(),
    bucket,
    name,
    attributes: { ...(typeof contentType === "string" && { contentType }), ...fields },
    query,
    kept: [],
    size: 0,
  };
}

/**
 * One PUT to a session.
 * @param shorten how many bytes of it are lost
 * @returns the object, once it is there
 */
export function putChunk(
  session: FakeSession,
  header: string | undefined,
  body: Buffer,
  shorten: number,
): FakeObject | undefined {
  if (session.done !== undefined) return session.done;
  // Google's client says `bytes 0--1/0` of nothing.
  const [, first, last, whole] =
    /^bytes (?:(\d+)-(-?\d+|\*)|\*)\/(\d+|\*)$/.exec(header ?? `bytes 0-*/${body.length}`) ?? [];
  if (whole === undefined) throw new FakeRefusal(400, "badContent", `Content-Range: ${header}`);
  if (first !== undefined && last !== "*" && Number(last) - Number(first) + 1 !== body.length)
    throw new FakeRefusal(400, "badContent", `${body.length} bytes for Content-Range: ${header}`);
  if (first !== undefined && Number(first) > session.size)
    throw new FakeRefusal(400, "badContent", `${session.size} bytes are there, Content-Range: ${header}`);
  const fresh = first === undefined ? body.subarray(0, 0) : body.subarray(session.size - Number(first));
  const total = last === "*" && whole === "*" ? session.size + fresh.length : Number(whole);
  const ends = session.size + fresh.length === total && shorten === 0;
  keep(session, ends ? fresh : fresh.subarray(0, wholeQuanta(fresh.length - shorten)));
  if (!ends) return undefined;
  const { bucket, name, attributes, query, kept } = session;
  session.done = bucket.put(name, Buffer.concat(kept), attributes, query);
  session.kept = [];
  return session.done;
}

function wholeQuanta(length: number): number {
  return Math.max(0, Math.floor(length / QUANTUM) * QUANTUM);
}

function keep(session: FakeSession, bytes: Buffer): void {
  session.kept.push(bytes);
  session.size += bytes.length;
}

/** The two parts of `multipart/related`. @throws FakeRefusal 400 */
export function multipartOf(
  contentType: string,
  body: Buffer,
): { readonly fields: FakeAttributes & { readonly name?: string }; readonly content: Buffer } {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new FakeRefusal(400, "badContent", `no boundary in ${contentType}`);
  const mark = `--${boundary}`;
  const second = body.indexOf(`\r\n${mark}\r\n`, mark.length);
  const headEnd = body.indexOf("\r\n\r\n");
  const contentAt = body.indexOf("\r\n\r\n", second + mark.length) + 4;
  // The first one, also where the content has more of them.
  const end = body.indexOf(`\r\n${mark}--`, contentAt - 2);
  if (!body.subarray(0, mark.length).equals(Buffer.from(mark)) || second < 0 || end < contentAt - 4)
    throw new FakeRefusal(400, "badContent", "not two parts");
  const type = /content-type: *(.+)/i.exec(body.subarray(second, contentAt).toString())?.[1]?.trim();
  const fields = JSON.parse(body.subarray(headEnd + 4, second).toString()) as FakeAttributes;
  return {
    fields: { ...(type !== undefined && { contentType: type }), ...fields },
    content: body.subarray(contentAt, end),
  };
}
