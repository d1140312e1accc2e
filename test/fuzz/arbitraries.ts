/** What clients may send: bytes of the wire in any pieces, arguments that are right, nearly right, or rubbish. */
import fc from "fast-check";
import { decodeText } from "../../dist/wire/text-encoding.js";

/** What means something to Telnet, to lines, or to UTF-8. */
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\r\0",
  "\0",
  "\xff",
  "\xff\xff",
  "\xff\xf4",
  "\xff\xf2",
  "\xf2",
  "\xff\xfd\x01",
  "\xff\xfb\x18",
  "\xff\xfe\x03",
  "\xff\xfa\x18\x01\xff\xf0",
  "\xff\xfa\x18",
  "\xff\xf0",
  "\xff\xf4\xff\xf2ABOR\r\n",
  "USER test\r\n",
  "NOOP\r\n",
  "CWD ",
  " ",
  "\xc3\xa4",
  "\xc3",
  "\xe2\x82\xac",
  "\xf0\x9f\x98\x80",
  "\xed\xa0\x80",
  "\xc2\x85",
].map((text) => Buffer.from(text, "latin1"));

/** Some bytes again and again, up to what a line may hold and beyond. */
const REPEATED = fc
  .tuple(fc.constantFrom(...PIECES, Buffer.from("a"), Buffer.from(".."), Buffer.from("ab ")), fc.nat(9000))
  .map(([piece, times]) => Buffer.alloc(Math.min(20_000, piece.length * times), piece));

/** Bytes of a control connection. */
export const WIRE: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...PIECES) },
      { weight: 3, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 1, arbitrary: REPEATED },
    ),
    { maxLength: 20 },
  )
  .map((pieces) => Buffer.concat(pieces));

/** Sizes of pieces, used in turn. */
export const SIZES: fc.Arbitrary<readonly number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9000 })),
  { minLength: 1, maxLength: 12 },
);

/** The bytes in pieces of these sizes. */
export function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

/** Arguments that some command understands. */
const RIGHT = [
  "test",
  "/dir/file",
  "file",
  "..",
  "dir/../../../outside/canary",
  "out/canary",
  "A N",
  "L 8",
  "I",
  "10 R 5",
  "18446744073709551616",
  "9007199254740991",
  "127,0,0,1,200,1",
  "|1|127.0.0.1|50000|",
  "|2|::1|50000|",
  "|2|::ffff:127.0.0.1|50000|",
  "ALL",
  "1",
  "-la *.txt",
  "-R -- -x",
  "[a-z]*?[!x]\\*",
  "20200229235960.123 file",
  "19700101000000 dir",
  "modify=20200101000000;UNIX.mode=0644; file",
  "MLST type;size;modify;perm;",
  "HASH SHA-256",
  "UTF8 ON",
  "CHMOD 644 file",
  "UTIME 20200101000000 file",
  "UTIME file 20200101000000 20200101000000 20200101000000 UTC",
  "UMASK 022",
  "IDLE 60",
  "HELP",
  "example.org",
  "xn--bcher-kva.example",
  "bücher.example",
  "[2001:db8::1]",
  "192.0.2.1",
  '"a ""name""" 0 100',
  "de-DE",
  "TLS",
  "P",
  "0",
  "__proto__",
  "constructor",
];

const CHARACTERS = [..." ,|.;=:/\\*?[]!-\"'%@0159aAzZäß€😀\u2028\u0085\udc80\udcff\ud800\r\n\0\t\x7f"];

/** Takes characters out, puts some in, or doubles them. */
const EDIT = fc.record({
  at: fc.nat(80),
  drop: fc.integer({ min: 0, max: 3 }),
  add: fc.oneof(fc.constantFrom(...CHARACTERS, ...RIGHT), fc.string({ maxLength: 3 })),
  times: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 2 }) }, { weight: 1, arbitrary: fc.nat(4000) }),
});

/** Right arguments with a few mistakes; none at all is nearly right too. */
const NEARLY_RIGHT = fc.tuple(fc.constantFrom(...RIGHT), fc.array(EDIT, { maxLength: 3 })).map(([right, edits]) => {
  let text = right;
  for (const { at, drop, add, times } of edits)
    text = text.slice(0, at) + add.repeat(times) + text.slice(Math.min(text.length, at) + drop);
  return text.slice(0, 65_536);
});

/** The same few characters thousands of times: what slow expressions choke on. */
const MONOTONOUS = fc
  .tuple(
    fc.constantFrom(...CHARACTERS, ...RIGHT),
    fc.constantFrom(...CHARACTERS),
    fc.nat(60_000),
    fc.constantFrom("", "!", "x", " ", " UTC"),
  )
  .map(([piece, other, length, end]) => (piece + other).repeat(length / (piece.length + other.length)) + end);

/** Any argument, as the text that the reader of lines makes of it. */
export const ARGUMENT: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: NEARLY_RIGHT },
  { weight: 2, arbitrary: WIRE.map((bytes) => decodeText(bytes)) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 1, arbitrary: MONOTONOUS },
);
