/**
 * Bytes of the control connection into command lines, however they were cut into chunks (RFC 959 §5.3.1,
 * RFC 2640 §2.1, RFC 1123 §4.1.2.10), with Telnet taken out and refused (RFC 854, RFC 1123 §4.1.2.12). Holds at
 * most one line, whatever comes. Knows no socket and no command.
 */
import { decodeText } from "./text-encoding.js";

/** A line that has ended, or one that is too long; of the latter nothing will ever be a command. */
export type LineEvent = { readonly kind: "line"; readonly text: string } | { readonly kind: "overlong" };

/** Options of a `LineReader`. */
export interface LineReaderOptions {
  /** Bytes of a line without its end. Default: 8192 */
  readonly maxLength?: number;
}

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const SUBNEGOTIATION_END = 0xf0;
const DATA_MARK = 0xf2;
const INTERRUPT = 0xf4;
const SUBNEGOTIATION = 0xfa;
const WILL = 0xfb;
const WONT = 0xfc;
const DO = 0xfd;
const DONT = 0xfe;
const IAC = 0xff;

/** Room that is kept from line to line; a longer line gives back what it took. */
const KEPT_ROOM = 256;
const NO_ROOM = Buffer.alloc(0);

/** Reads command lines. A line ends with LF; one CR before it belongs to the end. */
export class LineReader {
  readonly #maxLength: number;
  /** Most clients send none of it, and most of the others once. */
  #telnet: Telnet | undefined;
  #line = NO_ROOM;
  #length = 0;
  /** A CR has come and its successor has not: it may be the end of the line, CR NUL, or data. */
  #carriageReturn = false;
  /** The line was taken for complete at its CR: the LF that may still come belongs to it. */
  #flushed = false;
  #discarded = 0;

  constructor(options: LineReaderOptions = {}) {
    this.#maxLength = options.maxLength ?? 8192;
  }

  /** Takes the next bytes and returns what they completed, in order. */
  push(chunk: Uint8Array): LineEvent[] {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const events: LineEvent[] = [];
    let at = 0;
    while (at < bytes.length) {
      const end = this.#isFresh() ? endOfPlainLine(bytes, at) : -1;
      if (end === -1) at = this.#readOn(bytes, at, events);
      else {
        events.push(this.#plainLine(bytes, at, end));
        at = end + 1;
      }
    }
    return events;
  }

  /** The answers to Telnet negotiation that have to be sent; `undefined` where there are none. */
  takeTelnetReplies(): Uint8Array | undefined {
    return this.#telnet?.takeAnswers();
  }

  /** Bytes of the unfinished line, its CR included; 0 while an overlong line is discarded. */
  get pending(): number {
    return this.#length + (this.endsInCarriageReturn ? 1 : 0);
  }

  /** Whether the unfinished line ends in a lone CR: its LF may have been lost as the urgent byte. */
  get endsInCarriageReturn(): boolean {
    return this.#carriageReturn && this.#discarded === 0;
  }

  /** Bytes of the current overlong line so far, all of them discarded; 0 where there is none. */
  get overlongDiscarded(): number {
    return this.#discarded;
  }

  /** Takes what is pending for a complete line, without its trailing CR; an overlong line stays discarded. */
  flush(): LineEvent[] {
    const events: LineEvent[] = [];
    if (this.pending === 0) return events;
    const ended = this.#carriageReturn;
    this.#endLine(events);
    this.#flushed = ended;
    return events;
  }

  #isFresh(): boolean {
    return this.#isAtStart() && !this.#flushed && (this.#telnet?.isIdle ?? true);
  }

  #isAtStart(): boolean {
    return this.#length === 0 && !this.#carriageReturn && this.#discarded === 0;
  }

  /** The quick way: a whole line of ASCII in one chunk, which is what nearly every command is. */
  #plainLine(bytes: Buffer, start: number, end: number): LineEvent {
    const stop = end > start && bytes[end - 1] === CR ? end - 1 : end;
    if (stop - start > this.#maxLength) return { kind: "overlong" };
    return { kind: "line", text: bytes.toString("latin1", start, stop) };
  }

  /** Byte by byte to the end of the line or of the chunk; returns where to go on. */
  #readOn(bytes: Buffer, start: number, events: LineEvent[]): number {
    for (let at = start; at < bytes.length; at++) {
      const raw = bytes[at] ?? 0;
      if (raw === IAC) this.#telnet ??= new Telnet(this.#maxLength);
      const byte = this.#telnet?.filter(raw) ?? raw;
      if (byte === Telnet.OVERRUN) this.#overrun(events);
      else if (byte === LF && !this.#isLateEnd()) {
        this.#endLine(events);
        return at + 1;
      } else if (byte !== Telnet.NOTHING && byte !== LF) this.#take(byte, events);
    }
    return bytes.length;
  }

  /** Whether an LF is the one that a flushed line was still waiting for. */
  #isLateEnd(): boolean {
    const late = this.#flushed;
    this.#flushed = false;
    return late;
  }

  #take(byte: number, events: LineEvent[]): void {
    this.#flushed = false;
    if (this.#carriageReturn) {
      this.#carriageReturn = false;
      this.#append(CR, events);
      if (byte === NUL) return;
    }
    if (byte === CR) this.#carriageReturn = true;
    else if (!this.#isUrgentRest(byte)) this.#append(byte, events);
  }

  /** Node drops the urgent byte: of an urgent `IAC DM` or `IAC IP` the second half comes alone, before the verb. */
  #isUrgentRest(byte: number): boolean {
    return (byte === DATA_MARK || byte === INTERRUPT) && this.#isAtStart();
  }

  #append(byte: number, events: LineEvent[]): void {
    if (this.#discarded > 0) this.#discarded++;
    else if (this.#length === this.#maxLength) this.#overrun(events);
    else {
      if (this.#length === this.#line.length) this.#grow();
      this.#line[this.#length++] = byte;
    }
  }

  /** The line is too long from here on: said once, discarded to its end. */
  #overrun(events: LineEvent[]): void {
    if (this.#discarded === 0) events.push({ kind: "overlong" });
    this.#discarded += this.#length + 1;
    this.#length = 0;
    this.#line = NO_ROOM;
  }

  #endLine(events: LineEvent[]): void {
    if (this.#discarded === 0) events.push({ kind: "line", text: decodeText(this.#line.subarray(0, this.#length)) });
    if (this.#line.length > KEPT_ROOM) this.#line = NO_ROOM;
    this.#length = 0;
    this.#discarded = 0;
    this.#carriageReturn = false;
  }

  #grow(): void {
    const room = Buffer.alloc(Math.min(this.#maxLength, Math.max(KEPT_ROOM, this.#length * 2)));
    this.#line.copy(room);
    this.#line = room;
  }
}

/** Where the LF is; -1 where the chunk ends before it, or a byte comes first that needs a closer look. */
function endOfPlainLine(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === LF) return at;
    if (byte === NUL || byte > 0x7f) return -1;
  }
  return -1;
}

/** What the byte before this one began. The four negotiations are named by their command byte. */
type TelnetState =
  | "data"
  | "command"
  | "subnegotiation"
  | "subnegotiation-command"
  | typeof WILL
  | typeof WONT
  | typeof DO
  | typeof DONT;

/** Takes Telnet out of the bytes, and refuses every option that is negotiated. */
class Telnet {
  /** The byte belongs to Telnet. */
  static readonly NOTHING = -1;
  /** A subnegotiation does not end: what follows is taken for data again. */
  static readonly OVERRUN = -2;
  /** Answers of a whole session: then silence, lest a flood of requests becomes a flood of answers. */
  static readonly MAX_ANSWERS = 64;

  readonly #maxLength: number;
  #state: TelnetState = "data";
  #length = 0;
  #answered = 0;
  #answers: number[] = [];

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Whether the next byte is data unless it is IAC. */
  get isIdle(): boolean {
    return this.#state === "data";
  }

  /** The data byte that this byte makes, or `NOTHING` or `OVERRUN`. */
  filter(byte: number): number {
    switch (this.#state) {
      case "data":
        if (byte !== IAC) return byte;
        this.#state = "command";
        return Telnet.NOTHING;
      case "command":
        return this.#command(byte);
      case "subnegotiation":
      case "subnegotiation-command":
        return this.#subnegotiation(byte);
      default:
        this.#negotiate(this.#state, byte);
        this.#state = "data";
        return Telnet.NOTHING;
    }
  }

  takeAnswers(): Uint8Array | undefined {
    if (this.#answers.length === 0) return undefined;
    const answers = Uint8Array.from(this.#answers);
    this.#answers = [];
    return answers;
  }

  #command(byte: number): number {
    this.#state = "data";
    // Below 0xF0 there are no commands: the command was the urgent byte, which never arrives.
    if (byte === IAC || byte < SUBNEGOTIATION_END) return byte;
    if (byte === WILL || byte === WONT || byte === DO || byte === DONT) this.#state = byte;
    else if (byte === SUBNEGOTIATION) {
      this.#state = "subnegotiation";
      this.#length = 0;
    }
    return Telnet.NOTHING;
  }

  #subnegotiation(byte: number): number {
    if (this.#state === "subnegotiation") this.#state = byte === IAC ? "subnegotiation-command" : "subnegotiation";
    else this.#state = byte === SUBNEGOTIATION_END ? "data" : "subnegotiation";
    if (this.isIdle || ++this.#length <= this.#maxLength) return Telnet.NOTHING;
    this.#state = "data";
    return Telnet.OVERRUN;
  }

  #negotiate(request: number, option: number): void {
    if (request === WONT || request === DONT || this.#answered >= Telnet.MAX_ANSWERS) return;
    this.#answered++;
    this.#answers.push(IAC, request === WILL ? DONT : WONT, option);
  }
}
