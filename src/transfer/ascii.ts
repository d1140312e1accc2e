/**
 * TYPE A (RFC 959 §3.1.1.1, RFC 2640): lines end in LF in the store and in CRLF on the wire. Every LF becomes
 * CRLF and every CRLF becomes LF, nothing else changes, so that what was downloaded and uploaded again is the
 * same to the byte, whatever the chunks. However large a chunk of a store is, it goes on in pieces of `SLICE`, between which
 * others have their turn. Does not know how line ends are found.
 */
import type { LentMemory } from "../channel/lent-memory.js";
import { Turn } from "../events/turn.js";
import { lineEnds, SLICE } from "./line-ends.js";
import type { Stage } from "./stage.js";
import { asBytes } from "./transfer.js";

const CR = 13;
const LF = 10;
const LINE_FEED = Uint8Array.of(LF);

/** Store to wire: every LF becomes CRLF. What the store has given stays as it is. */
export const toNetwork: Stage = async function* (source) {
  for await (const chunk of source) yield* expanded(chunk, allocate);
};

/** The same for one chunk. @param memory where all of it goes; to be given back piece by piece */
export function* toNetworkLent(chunk: Uint8Array, memory: LentMemory): Generator<Uint8Array> {
  const lend = (length: number): Uint8Array => {
    memory.room(length);
    return memory.take(length);
  };
  for (const piece of expanded(chunk, lend)) yield piece.buffer === chunk.buffer ? copyOf(piece, lend) : piece;
}

/**
 * Wire to store: every CRLF becomes LF. What comes from the network is nobody else's: the chunks themselves are changed, and
 * parts of them go on.
 * @param afterCarriageReturn whether the octet before the first one was a CR whose LF has not come
 */
export function fromNetwork(afterCarriageReturn = false): Stage {
  const translate = collapsing(afterCarriageReturn);
  return async function* (source) {
    for await (const chunk of source) yield* translate(chunk);
    yield* translate();
  };
}

/** The same chunk by chunk; without one, what is left at their end. */
export function collapsing(afterCarriageReturn: boolean): (chunk?: Uint8Array) => Generator<Uint8Array> {
  const { collapse } = lineEnds();
  let held = afterCarriageReturn;
  return function* (chunk) {
    if (chunk === undefined && held) yield Uint8Array.of(CR);
    if (chunk === undefined) return;
    for (const piece of piecesOf(chunk)) {
      if (held && piece[0] !== LF) yield Uint8Array.of(CR);
      held = piece[piece.length - 1] === CR;
      const rest = held ? piece.subarray(0, -1) : piece;
      yield rest.subarray(0, collapse(rest));
    }
  };
}

/** How many octets of TYPE A the bytes of a file make. */
export async function countNetwork(source: AsyncIterable<Uint8Array>): Promise<number> {
  const { count } = lineEnds();
  const turn = new Turn();
  let octets = 0;
  for await (const chunk of source)
    for (const piece of piecesOf(chunk)) {
      octets += piece.length + count(piece);
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
  const { count } = lineEnds();
  const turn = new Turn();
  let left = octets;
  let offset = 0;
  for await (const chunk of source)
    for (const piece of piecesOf(chunk)) {
      if (turn.due) await turn.take();
      const sent = piece.length + count(piece);
      if (sent >= left) {
        const within = locateInPiece(piece, left);
        return { offset: offset + within.offset, insideLineEnd: within.insideLineEnd };
      }
      left -= sent;
      offset += piece.length;
    }
  return left === 0 ? { offset, insideLineEnd: false } : undefined;
}

/** What follows a marker inside a line end: the LF whose CR was sent before. */
export async function* afterMarker(rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield LINE_FEED;
  yield* rest;
}

/** The marker is not beyond the piece. */
function locateInPiece(piece: Uint8Array, octets: number): AsciiPosition {
  let left = octets;
  let at = 0;
  while (left > 0) {
    const isLineEnd = piece[at] === LF;
    if (isLineEnd && left === 1) return { offset: at, insideLineEnd: true };
    left -= isLineEnd ? 2 : 1;
    at++;
  }
  return { offset: at, insideLineEnd: false };
}

/** The bytes of a chunk in pieces that are soon worked on; of text too, which a stream of the host may give. */
function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  const bytes = asBytes(chunk);
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE);
}

/** What has no line end comes as it is. */
function copyOf(piece: Uint8Array, allocate: (length: number) => Uint8Array): Uint8Array {
  const copy = allocate(piece.length);
  copy.set(piece);
  return copy;
}

function* expanded(chunk: Uint8Array, allocate: (length: number) => Uint8Array): Generator<Uint8Array> {
  const { expand } = lineEnds();
  for (const piece of piecesOf(chunk)) yield expand(piece, allocate);
}

/** Room for what goes to the network. */
function allocate(length: number): Uint8Array {
  return Buffer.allocUnsafe(length);
}
