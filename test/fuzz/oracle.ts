/**
 * Which replies a sequence of lines may have: one final reply each, in order, and only codes that the row permits;
 * beside a transfer that runs, the rows that may. Knows the table of commands, and no sockets.
 */
import { commandTable, STANDARD_ROWS, STANDARD_SITE_ROWS } from "../../dist/commands/table.js";
import { parseCommandLine } from "../../dist/wire/command-line.js";
import { type LineEvent, LineReader } from "../../dist/wire/line-reader.js";

const TABLE = commandTable(STANDARD_ROWS);
const SITE_TABLE = commandTable(STANDARD_SITE_ROWS);

/** Open to every command: it is wrong, not done, out of order, or the session ends. */
const ANYTIME = [421, 500, 501, 502, 503, 504, 530];
/** Where a data connection is needed: there is none, or it would have to be under TLS. */
const WITHOUT_DATA = [425, 521];
/** What may follow 150 (RFC 959 §5.4, RFC 4217 §10.2). */
const AFTER_150 = [226, 421, 425, 426, 451, 522, 551, 552];

/** One line, and what it may be answered with. */
interface Expected {
  readonly text: string;
  readonly codes: ReadonlySet<number>;
  /** Moves data, or takes as long: others may overtake it. */
  readonly transfers: boolean;
  /** Whether 150 may come before. */
  readonly begins: boolean;
  /** May overtake a transfer. */
  readonly overtakes: boolean;
  /** Before a login the connection may end here without a word. */
  readonly foreign: boolean;
}

/** How the lines were answered. */
export interface Answered {
  readonly codes: readonly number[];
  /** The client has cut the connection, or what followed was not FTP any more: a beginning is enough. */
  readonly cutShort: boolean;
}

/** What has been answered so far, in one of the ways to read it. */
interface Reading {
  /** Lines that were taken. */
  readonly taken: number;
  /** The transfer that runs, and whether its 150 has come. */
  readonly held: Expected | undefined;
  readonly begun: boolean;
}

/** The lines that bytes make, and what each may be answered with. */
export function expectationsOf(bytes: Buffer): readonly Expected[] {
  return new LineReader().push(bytes).map(expectationOf);
}

function expectationOf(line: LineEvent): Expected {
  const nothing = { transfers: false, begins: false, overtakes: false };
  if (line.kind === "overlong") return { ...nothing, text: "(overlong)", codes: new Set([500, 421]), foreign: false };
  const { verb, argument } = parseCommandLine(line.text);
  const row = TABLE.find(verb);
  if (row === undefined) return { ...nothing, text: line.text, codes: new Set([421, 500, 502, 530]), foreign: true };
  const { duringTransfer = false, transfers = false, needs = [] } = row;
  const begins = needs.includes("data");
  const site = row.verb === "SITE" ? SITE_TABLE.find(parseCommandLine(argument ?? "").verb)?.replies : [];
  return {
    text: line.text,
    codes: new Set([...row.replies, ...(site ?? []), ...ANYTIME, ...(begins ? WITHOUT_DATA : [])]),
    transfers,
    begins,
    overtakes: typeof duringTransfer === "function" ? duringTransfer(argument) : duringTransfer,
    foreign: false,
  };
}

/** @returns what is wrong with the replies; `undefined` where they may be these */
export function objectionTo(lines: readonly Expected[], { codes, cutShort }: Answered): string | undefined {
  let readings: readonly Reading[] = [{ taken: 0, held: undefined, begun: false }];
  for (const [index, code] of codes.entries()) {
    if ([221, 421].includes(codes[index - 1] ?? 0)) return `a reply behind the last: ${codes.join(" ")}`;
    const next = readings.flatMap((reading) => follow(lines, reading, code));
    if (next.length === 0) return `reply ${index + 1} of ${codes.join(" ")} does not fit ${show(lines, readings)}`;
    readings = unique(next);
  }
  const over = [221, 421].includes(codes.at(-1) ?? 0) || cutShort;
  if (over || readings.some((reading) => isComplete(lines, reading))) return undefined;
  return `no reply to ${show(lines, readings)} after ${codes.join(" ")}`;
}

function isComplete(lines: readonly Expected[], { taken, held }: Reading): boolean {
  return held === undefined && (taken === lines.length || lines[taken]?.foreign === true);
}

/** Every way in which a reply can go on with a reading. */
function follow(lines: readonly Expected[], reading: Reading, code: number): readonly Reading[] {
  const { taken, held, begun } = reading;
  const next = lines[taken];
  const ways: Reading[] = [];
  if (held !== undefined) {
    if (code < 200) return held.begins && !begun ? [{ ...reading, begun: true }] : [];
    if (begun ? AFTER_150.includes(code) : held.codes.has(code)) ways.push({ taken, held: undefined, begun: false });
    if (next?.overtakes && next.codes.has(code)) ways.push({ ...reading, taken: taken + 1 });
    return ways;
  }
  if (next?.transfers) return follow(lines, { taken: taken + 1, held: next, begun: false }, code);
  if (code >= 200 && next?.codes.has(code)) ways.push({ taken: taken + 1, held: undefined, begun: false });
  // Whatever was taken last, the server may end the session by itself.
  if (code === 421) ways.push(reading);
  return ways;
}

function unique(readings: readonly Reading[]): readonly Reading[] {
  const keys = readings.map(({ taken, held, begun }) => `${taken} ${held?.text} ${begun}`);
  return readings.filter((_, index) => keys.indexOf(keys[index] ?? "") === index);
}

function show(lines: readonly Expected[], readings: readonly Reading[]): string {
  return readings
    .map(({ taken, held }) => JSON.stringify((held ?? lines[taken])?.text.slice(0, 80) ?? "the end"))
    .join(" or ");
}
