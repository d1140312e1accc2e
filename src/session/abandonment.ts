/** The end of the patience with what does not stop when its signal fires: a store that hangs holds no session up. */
import { FtpError } from "../errors.js";

/** What an operation may need to stop, in milliseconds: the contract of `FileSystem`. */
const OBEDIENCE_MS = 2000;

/** Waits for a signal, then a little longer. */
export class Abandonment {
  /** Rejects some time after the signal, with its reason; never resolves. */
  readonly promise: Promise<never>;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    let giveUp: (reason: unknown) => void = () => undefined;
    this.promise = new Promise((_resolve, reject) => {
      giveUp = reject;
    });
    this.#onAbort = () => {
      this.#timer = setTimeout(() => giveUp(disobeyed(signal)), OBEDIENCE_MS);
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

function disobeyed({ reason }: AbortSignal): FtpError {
  if (reason instanceof FtpError) return reason;
  return new FtpError("ABORTED", `what was told to stop still runs after ${OBEDIENCE_MS} ms`, { cause: reason });
}
