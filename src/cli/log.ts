/** Where lines go: text or JSON, those of a level, problems to standard error. Does not know what they tell. */
import { printable, printableJson } from "./printable.js";
import { LEVELS } from "./values.js";

/** How much a line matters. */
export type Level = (typeof LEVELS)[number];

/** One line. */
export interface Entry {
  readonly level: Level;
  /** What happened, for programs. */
  readonly event: string;
  /** What happened, for people. */
  readonly text: string;
  /** The same in JSON. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How to print. */
export interface LogOptions {
  readonly level: Level;
  readonly json: boolean;
  /** Which worker it is that writes, from 1; `undefined` where there is one process. */
  readonly worker?: number | undefined;
  /** Takes whole lines of standard output. */
  readonly out: (text: string) => void;
  /** Takes whole lines of standard error. */
  readonly err: (text: string) => void;
}

/** Prints entries. */
export class Log {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Whether entries of this level are printed. */
  shows(level: Level): boolean {
    return LEVELS.indexOf(level) <= LEVELS.indexOf(this.#options.level);
  }

  /** Prints an entry as one line, if its level is shown. */
  write(entry: Entry): void {
    if (!this.shows(entry.level)) return;
    const { json, worker } = this.#options;
    const who = worker === undefined ? "" : `[${worker}] `;
    this.#stream(entry)(json ? this.#jsonLine(entry) : `${clock(new Date())} ${who}${printable(entry.text)}\n`);
  }

  /** Prints what the program says itself, whatever the level: its text as it is, in whole lines. */
  announce(entry: Entry): void {
    this.#stream(entry)(this.#options.json ? this.#jsonLine(entry) : entry.text);
  }

  #jsonLine({ level, event, text, fields }: Entry): string {
    const { worker } = this.#options;
    return `${printableJson({ time: new Date().toISOString(), level, event, worker, ...(fields ?? { text }) })}\n`;
  }

  #stream({ level }: Entry): (text: string) => void {
    return level === "error" ? this.#options.err : this.#options.out;
  }
}

/** Local time of day. */
function clock(now: Date): string {
  return now.toTimeString().slice(0, 8);
}
