/**
 * What line-ends.wat does, once more in JavaScript, for processes without WebAssembly or without SIMD. Takes some
 * ten times as long.
 */

const CR = 13;
const LF = 10;

/** What works on line ends, in a memory of its own. Lengths and places are in bytes; input and output do not overlap. */
export interface LineEndsProgram {
  /** Where input and output lie: 256 KiB. */
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Copies with CRLF for each LF. @returns the length of the copy */
  readonly expand: (from: number, length: number, to: number) => number;
  /** Copies with LF for each CRLF. @returns the length of the copy */
  readonly collapse: (from: number, length: number, to: number) => number;
  /** @returns how many LF there are */
  readonly count: (from: number, length: number) => number;
}

/** The program in JavaScript. Its loops count: `for … of` over bytes takes ten times as long. */
export function plainProgram(): LineEndsProgram {
  const bytes = new Uint8Array(262_144);
  return {
    memory: bytes,
    expand(from, length, start) {
      let to = start;
      for (let at = from; at < from + length; at++) {
        const byte = bytes[at] as number;
        if (byte === LF) bytes[to++] = CR;
        bytes[to++] = byte;
      }
      return to - start;
    },

    collapse(from, length, start) {
      const last = from + length - 1;
      let to = start;
      for (let at = from; at <= last; at++) {
        const byte = bytes[at] as number;
        if (byte !== CR || at === last || bytes[at + 1] !== LF) bytes[to++] = byte;
      }
      return to - start;
    },

    count(from, length) {
      let lines = 0;
      for (let at = from; at < from + length; at++) if (bytes[at] === LF) lines++;
      return lines;
    },
  };
}
