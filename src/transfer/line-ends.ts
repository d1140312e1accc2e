/**
 * Line ends in memory: LF to CRLF and back, and how many there are. By WebAssembly with SIMD (line-ends.wat), which
 * takes a fraction of the time of JavaScript; by JavaScript where there is none, as under `node --jitless` and on old
 * processors. Knows nothing of transfers, nor of line ends that two pieces share.
 */
import { type LineEndsProgram, plainProgram } from "./line-ends-plain.js";
import { LINE_ENDS_WASM } from "./line-ends-wasm.js";

/** Bytes that are worked on at a time, at the most. */
export const SLICE = 65_536;
/** Bytes behind a slice that the program reads or writes too. */
const SLACK = 32;
/** Where in its memory a slice lies, and what becomes of it, which is twice as much at the most. */
const [INPUT, OUTPUT] = [0, SLICE + SLACK];

/** Works on line ends. No piece is longer than `SLICE`. */
export interface LineEnds {
  /**
   * Every LF becomes CRLF.
   * @param allocate where the result goes; as many bytes as it has
   * @returns the piece itself where it has no LF
   */
  readonly expand: (piece: Uint8Array, allocate: (length: number) => Uint8Array) => Uint8Array;
  /** Every CRLF becomes LF, in the piece itself. @returns how many bytes are left of it */
  readonly collapse: (piece: Uint8Array) => number;
  /** How many LF there are. */
  readonly count: (piece: Uint8Array) => number;
}

/** Line ends by one program or the other. */
export function lineEndsBy({ memory, expand, collapse, count }: LineEndsProgram): LineEnds {
  const bytes = Buffer.from(memory.buffer);
  return {
    expand(piece, allocate) {
      bytes.set(piece, INPUT);
      const length = expand(INPUT, piece.length, OUTPUT);
      if (length === piece.length) return piece;
      const expanded = allocate(length);
      bytes.copy(expanded, 0, OUTPUT, OUTPUT + length);
      return expanded;
    },

    collapse(piece) {
      bytes.set(piece, INPUT);
      const length = collapse(INPUT, piece.length, OUTPUT);
      if (length < piece.length) bytes.copy(piece, 0, OUTPUT, OUTPUT + length);
      return length;
    },

    count(piece) {
      bytes.set(piece, INPUT);
      return count(INPUT, piece.length);
    },
  };
}

/** What is needed of WebAssembly, which the types of Node do not know. */
interface Assembly {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** Sixteen bytes at a time; `undefined` where the process has no WebAssembly, no SIMD, or no room for its memory. */
export function vectorProgram(): LineEndsProgram | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Assembly }).WebAssembly;
    return new Instance(new Module(Buffer.from(LINE_ENDS_WASM, "base64"))).exports as LineEndsProgram;
  } catch {
    return undefined;
  }
}

let made: LineEnds | undefined;

/** By the quickest program that this process has, made when it is first asked for: most servers never need it. */
export function lineEnds(): LineEnds {
  made ??= lineEndsBy(vectorProgram() ?? plainProgram());
  return made;
}
