/** The control line: bytes to lines, lines to commands, replies to bytes; whatever comes, and however it is cut. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCommandLine } from "../../dist/wire/command-line.js";
import { type LineEvent, LineReader } from "../../dist/wire/line-reader.js";
import { encodeReply, reply } from "../../dist/wire/reply.js";
import { decodeText, encodeText } from "../../dist/wire/text-encoding.js";
import { ReplyParser } from "../kit/reply-parser.js";
import { ARGUMENT, cut, SIZES, WIRE } from "./arbitraries.js";
import { promptly, type Target, target } from "./target.js";

const MAX_LENGTH = 600;
/** Three bytes for each of the answers that a session gets at the most. */
const MAX_TELNET = 3 * 64;

interface Reading {
  readonly events: readonly LineEvent[];
  readonly telnet: string;
}

function read(pieces: Iterable<Buffer>): Reading {
  const reader = new LineReader({ maxLength: MAX_LENGTH });
  const events: LineEvent[] = [];
  const telnet: Uint8Array[] = [];
  for (const piece of pieces) {
    events.push(...reader.push(piece));
    telnet.push(reader.takeTelnetReplies() ?? new Uint8Array());
    assert(reader.pending <= MAX_LENGTH + 1, `${reader.pending} bytes are kept`);
  }
  const answers = Buffer.concat(telnet);
  assert(answers.length <= MAX_TELNET, `${answers.length} bytes of answers to Telnet`);
  return { events, telnet: answers.toString("hex") };
}

function checkLines({ bytes, sizes }: { readonly bytes: Buffer; readonly sizes: readonly number[] }): void {
  const whole = promptly("reading lines", () => read([bytes]));
  assert.deepEqual(read(cut(bytes, sizes)), whole, "the pieces have changed the lines");
  assert.deepEqual(read(cut(bytes, [1])), whole, "single bytes have changed the lines");
  const ends = bytes.filter((byte) => byte === 0x0a).length;
  const lines = whole.events.filter(({ kind }) => kind === "line");
  assert(lines.length <= ends, `${lines.length} lines of ${ends} ends`);
  for (const event of whole.events) {
    if (event.kind === "overlong") continue;
    assert(!event.text.includes("\n") && encodeText(event.text).length <= MAX_LENGTH);
    checkCommand(event.text);
  }
}

/** Nothing but what lies before the first space is the verb, and nothing of the line is lost. */
function checkCommand(text: string): void {
  const { verb, argument } = parseCommandLine(text);
  assert(!verb.includes(" ") && !/[a-z]/.test(verb));
  const again = argument === undefined ? verb : `${verb} ${argument}`;
  assert.equal(again.length, text.length);
  assert.equal(again.slice(verb.length), text.slice(verb.length));
}

/** Where no Telnet comes, lines are what lies between the LFs; one CR before it is dropped, and CR NUL is a CR (RFC 854). */
function checkPlain({ bytes, sizes }: { readonly bytes: Buffer; readonly sizes: readonly number[] }): void {
  const plain = Buffer.from(bytes.filter((byte) => byte < 0xf0)).toString("latin1");
  const lines = plain.split("\n").map((line) => line.replace(/\r$/, "").replaceAll("\r\0", "\r"));
  const expected = lines.map((line): LineEvent => {
    if (line.length > MAX_LENGTH) return { kind: "overlong" };
    return { kind: "line", text: decodeText(Buffer.from(line, "latin1")) };
  });
  assert.deepEqual(read(cut(Buffer.from(`${plain}\n`, "latin1"), sizes)).events, expected);
}

/** What is flushed has no CR at its end, and the reader goes on as new. */
function checkFlush({ bytes, sizes }: { readonly bytes: Buffer; readonly sizes: readonly number[] }): void {
  const reader = new LineReader({ maxLength: MAX_LENGTH });
  for (const piece of cut(bytes, sizes)) {
    reader.push(piece);
    const flushed = reader.flush();
    assert(flushed.length <= 1 && reader.pending === 0);
  }
  // Ends whatever Telnet has begun.
  reader.push(Buffer.from("\xf0\xff\xf0\n\n", "latin1"));
  const last = reader.push(Buffer.from("NOOP\r\n")).at(-1);
  assert.deepEqual(last, { kind: "line", text: "NOOP" });
}

function checkText(bytes: Buffer): void {
  const text = promptly("decoding", () => decodeText(bytes));
  assert(Buffer.from(encodeText(text)).equals(bytes), "other bytes than came");
}

/** Whatever a reply quotes, a client sees one reply with this code, and nothing in it that ends a line. */
function checkReply(texts: readonly string[]): void {
  const encoded = promptly("writing a reply", () => encodeReply(reply(250, ...texts)));
  const replies = new ReplyParser().push(Buffer.from(encoded as string));
  assert.deepEqual(
    replies.map(({ code }) => code),
    [250],
  );
  assert.equal(replies[0]?.lines.length, Math.max(1, texts.length));
}

const STREAM = fc.record({ bytes: WIRE, sizes: SIZES });

/** Everything between bytes and lines. */
export const LINE_TARGETS: readonly Target[] = [
  target("lines in any pieces", STREAM, checkLines),
  target("lines without Telnet", STREAM, checkPlain),
  target("lines that are flushed", STREAM, checkFlush),
  target("text of any bytes", WIRE, checkText),
  target("replies of any text", fc.array(ARGUMENT, { minLength: 1, maxLength: 4 }), checkReply),
];
