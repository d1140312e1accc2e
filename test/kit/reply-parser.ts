/**
 * Reads replies as strictly as the standard words them (RFC 959 §4.2, RFC 2389 §3.2), so that a server
 * which some client would misread fails its tests. Knows no sockets.
 */

/** One complete reply. */
export interface Reply {
  readonly code: number;
  /** The text of each line: first and last without the code, those between as they came. */
  readonly lines: readonly string[];
  /** The first line's text. */
  readonly text: string;
  /** Every byte of the reply, with the line ends, Telnet bytes taken out. */
  readonly raw: Buffer;
}

const FIRST = /^([1-5][0-9][0-9])([ -])(.*)$/s;

interface OpenReply {
  readonly code: number;
  readonly lines: string[];
  readonly raw: Buffer[];
}

/** Turns bytes into replies; `push` throws at the first line that no client can trust. */
export class ReplyParser {
  /** Telnet negotiations that came in between, three bytes each (RFC 854). */
  readonly negotiations: Buffer[] = [];
  #telnet: number[] = [];
  readonly #line: number[] = [];
  #open: OpenReply | undefined;

  /** Takes bytes as they came and gives the replies that they complete. */
  push(chunk: Uint8Array): Reply[] {
    const replies: Reply[] = [];
    for (const byte of chunk) {
      if (!this.#plain(byte)) continue;
      this.#line.push(byte);
      if (byte !== 0x0a) continue;
      const reply = this.#endLine(Buffer.from(this.#line.splice(0)));
      if (reply !== undefined) replies.push(reply);
    }
    return replies;
  }

  /** Whether bytes are waiting for the rest of their reply. */
  get partial(): boolean {
    return this.#line.length > 0 || this.#open !== undefined;
  }

  #plain(byte: number): boolean {
    const telnet = this.#telnet;
    if (telnet.length === 0 && byte !== 0xff) return true;
    telnet.push(byte);
    if (telnet.length === 2 && byte === 0xff) {
      this.#telnet = [];
      return true;
    }
    if (telnet.length === 2 && (byte < 0xfb || byte > 0xfe)) throw new Error(`bad Telnet command ${byte} in a reply`);
    if (telnet.length === 3) this.negotiations.push(Buffer.from(telnet.splice(0)));
    return false;
  }

  #endLine(raw: Buffer): Reply | undefined {
    const line = raw.toString("utf8");
    if (!/^[^\r\n\0]*\r\n$/.test(line))
      throw new Error(`a reply line with stray CR, LF or NUL: ${JSON.stringify(line)}`);
    return this.#open === undefined
      ? this.#begin(line.slice(0, -2), raw)
      : this.#go(this.#open, line.slice(0, -2), raw);
  }

  #begin(line: string, raw: Buffer): Reply | undefined {
    const [, code, separator, text = ""] = FIRST.exec(line) ?? [];
    if (code === undefined) throw new Error(`not the first line of a reply: ${JSON.stringify(line)}`);
    if (separator === " ") return { code: Number(code), lines: [text], text, raw };
    this.#open = { code: Number(code), lines: [text], raw: [raw] };
    return undefined;
  }

  #go(open: OpenReply, line: string, raw: Buffer): Reply | undefined {
    const [, code, separator, text = ""] = FIRST.exec(line) ?? [];
    open.raw.push(raw);
    if (line.startsWith(" ")) open.lines.push(line);
    else if (Number(code) !== open.code)
      throw new Error(`an inner line that a client may misread: ${JSON.stringify(line)}`);
    else open.lines.push(text);
    if (line.startsWith(" ") || separator === "-") return undefined;
    this.#open = undefined;
    return { code: open.code, lines: open.lines, text: open.lines[0] ?? "", raw: Buffer.concat(open.raw) };
  }
}
