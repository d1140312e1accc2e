/**
 * A file that lines are added to: opened anew on SIGHUP, so that whoever has moved it away gets a new one. Lines wait in
 * memory while the disk is slow, up to a bound.
 */
import { appendFile, close, openSync } from "node:fs";
import { promisify } from "node:util";
import { accessLog, type Server } from "../index.js";
import type { AccessLogSettings } from "./flags.js";
import type { Log } from "./log.js";
import { shortened } from "./printable.js";

const append = promisify(appendFile);
const shut = promisify(close);

/** Characters that may wait; what comes while there are more is lost, and that is said. */
const BOUND = 16 * 1024 * 1024;
/** Who may read it: names of files and people are in it. */
const MODE = 0o640;

/** A file that is only ever added to. */
class AccessFile {
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  #fd: number;
  #waiting = "";
  #reopen = false;
  #busy = false;
  /** Lines are being lost, and that was said. */
  #losing = false;

  /**
   * @param failed told once of each time that lines begin to be lost, or the file cannot be opened anew
   * @throws Error of the system where it cannot be opened
   */
  constructor(path: string, failed: (error: Error) => void) {
    this.#path = path;
    this.#failed = failed;
    this.#fd = openSync(path, "a", MODE);
  }

  /** Adds a line. */
  write(line: string): void {
    if (this.#waiting.length > BOUND) return this.#lose(new Error("the disk is too slow; lines are lost"));
    this.#waiting += line;
    void this.#work();
  }

  /** Behind the lines that wait, the file of that name is opened anew. */
  reopen(): void {
    this.#reopen = true;
    void this.#work();
  }

  /** Writes what waits, and what comes meanwhile. Never rejects. */
  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting !== "" || this.#reopen) {
      const text = this.#waiting;
      this.#waiting = "";
      try {
        if (text !== "") await append(this.#fd, text);
        if (this.#reopen) await this.#openAnew();
        if (text !== "") this.#losing = false;
      } catch (error) {
        this.#lose(error as Error);
      }
    }
    this.#busy = false;
  }

  async #openAnew(): Promise<void> {
    this.#reopen = false;
    const old = this.#fd;
    this.#fd = openSync(this.#path, "a", MODE);
    await shut(old);
  }

  #lose(error: Error): void {
    if (!this.#losing) this.#failed(error);
    this.#losing = true;
  }
}

/**
 * Writes the access log from now on, into a file that SIGHUP opens anew.
 * @param shown a user name as it may be printed
 * @returns how to end it: what is not written yet is written then
 * @throws Error naming the flag, where the file cannot be opened
 */
export function keepAccessLog(
  server: Server,
  { path, format }: AccessLogSettings,
  log: Log,
  shown: (username: string) => string,
): () => void {
  const failed = ({ message }: Error): void => {
    const text = `the access log ${JSON.stringify(path)}: ${message}`;
    log.write({ level: "error", event: "accessLogFailed", text, fields: { path, message } });
  };
  const file = opened(path, failed);
  process.on("SIGHUP", () => file.reopen());
  return accessLog(server, (line) => file.write(line), { format, failedName: (name) => shortened(shown(name)) });
}

function opened(path: string, failed: (error: Error) => void): AccessFile {
  try {
    return new AccessFile(path, failed);
  } catch (cause) {
    throw new Error(`--access-log: ${(cause as Error).message}`, { cause });
  }
}
