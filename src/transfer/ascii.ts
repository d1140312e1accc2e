/**
 * TYPE A (RFC 959 §3.1.1.1, RFC 2640): lines end in LF in the store and in CRLF on the wire. Every LF becomes
 * CRLF and every CRLF becomes LF, nothing else changes, so that what was downloaded and uploaded again is the
 * same to the byte, whatever the chunks. Runs are found with `indexOf` and copied whole, but for short lines.
 */
import { Turn } from "../events/turn.js";
import type { Stage } from "./stage.js";

const CR = 13;
const LF = 10;
/** Bytes of a line below which runs are not worth their copying. */
const DENSE = 16;
/** Lines that tell whether the others are short. */
const SAMPLE = 64;
const LINE_FEED = Uint8Array.of(LF);
const CARRIAGE_RETURN = Uint8Array.of(CR);

/** Store to wire: every LF becomes CRLF. */
export const toNetwork: Stage = async function* (source) {
  for await (const chunk of source) yield expand(chunk);
};

/**
 * Wire to store: every CRLF becomes LF.
 * @param afterCarriageReturn whether the octet before the first one was a CR whose LF has not come
 */
export function fromNetwork(afterCarriageReturn = false): Stage {
  return async function* (source) {
    let held = afterCarriageReturn;
    for await (const chunk of source) {
      if (chunk.length === 0) continue;
      if (held && chunk[0] !== LF) yield CARRIAGE_RETURN;
      held = chunk[chunk.length - 1] === CR;
      yield collapse(held ? chunk.subarray(0, -1) : chunk);
    }
    if (held) yield CARRIAGE_RETURN;
  };
}

/** How many octets of TYPE A the bytes of a file make. */
export async function countNetwork(source: AsyncIterable<Uint8Array>): Promise<number> {
  const turn = new Turn();
  let octets = 0;
  for await (const chunk of source) {
    octets += chunk.length + countLines(chunk);
    if (turn.due) await turn.take();
  }
  return octets;
}

/** A place in a file that a marker of TYPE A names. */
export interface AsciiPosition {
  /** Byte of the file. */
  readonly offset: number;
  /** The marker lies between the CR and the LF of the line end at `offset`. */
  readonly insideLineEnd: boolean;
}

/**
 * Finds the byte of a file that `octets` of TYPE A lead to (RFC 3659 §5.3: the marker counts what was transferred).
 * `undefined` where the file is shorter.
 */
export async function locate(source: AsyncIterable<Uint8Array>, octets: number): Promise<AsciiPosition | undefined> {
  const turn = new Turn();
  let left = octets;
  let offset = 0;
  for await (const chunk of source) {
    if (turn.due) await turn.take();
    const lines = countLines(chunk);
    if (chunk.length + lines >= left) {
      const within = locateInChunk(chunk, left);
      return { offset: offset + within.offset, insideLineEnd: within.insideLineEnd };
    }
    left -= chunk.length + lines;
    offset += chunk.length;
  }
  return left === 0 ? { offset, insideLineEnd: false } : undefined;
}

/** What follows a marker inside a line end: the LF whose CR was sent before. */
export async function* afterMarker(rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield LINE_FEED;
  yield* rest;
}

function locateInChunk(chunk: Uint8Array, octets: number): AsciiPosition {
  let left = octets;
  let at = 0;
  while (left > 0) {
    const lf = chunk.indexOf(LF, at);
    const run = (lf < 0 ? chunk.length : lf) - at;
    if (left <= run) return { offset: at + left, insideLineEnd: false };
    at += run;
    left -= run;
    if (left === 1) return { offset: at, insideLineEnd: true };
    at += 1;
    left -= 2;
  }
  return { offset: at, insideLineEnd: false };
}

/** A guess of the room is made, which lines that are not short keep to: to count them all would cost as much as the rest. */
function expand(chunk: Uint8Array): Uint8Array {
  const from = asBuffer(chunk);
  let lf = from.indexOf(LF);
  if (lf < 0) return chunk;
  const room = from.length + Math.ceil(from.length / DENSE);
  const expanded = Buffer.allocUnsafe(room);
  let done = 0;
  let to = 0;
  for (let lines = 1; lf >= 0; lf = from.indexOf(LF, done), lines++) {
    if (from.length + lines > room) return expandDense(from);
    from.copy(expanded, to, done, lf);
    to += lf - done;
    expanded[to++] = CR;
    expanded[to++] = LF;
    done = lf + 1;
  }
  from.copy(expanded, to, done);
  return expanded.subarray(0, to + from.length - done);
}

/** Where lines are short, to copy each byte costs less than to look for the next line. */
function expandDense(chunk: Uint8Array): Uint8Array {
  const expanded = Buffer.allocUnsafe(chunk.length + countBytes(chunk, 0));
  let to = 0;
  for (const byte of chunk) {
    if (byte === LF) expanded[to++] = CR;
    expanded[to++] = byte;
  }
  return expanded;
}

function collapse(chunk: Uint8Array): Uint8Array {
  const from = asBuffer(chunk);
  let cr = from.indexOf(CR);
  if (cr < 0) return chunk;
  const collapsed = Buffer.allocUnsafe(from.length);
  let done = 0;
  let to = 0;
  for (; cr >= 0; cr = from.indexOf(CR, cr + 1)) {
    if (from[cr + 1] !== LF) continue;
    from.copy(collapsed, to, done, cr);
    to += cr - done;
    done = cr + 1;
  }
  from.copy(collapsed, to, done);
  return collapsed.subarray(0, to + from.length - done);
}

/** The same bytes; `copy` needs no view of each run. */
function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Where lines are short, to look for each of them costs more than to look at each byte. */
function countLines(chunk: Uint8Array): number {
  let found = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    found++;
    if (found === SAMPLE && at < SAMPLE * DENSE) return found + countBytes(chunk, at + 1);
  }
  return found;
}

function countBytes(chunk: Uint8Array, from: number): number {
  let found = 0;
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LF) found++;
  return found;
}
