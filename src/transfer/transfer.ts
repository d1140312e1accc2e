/**
 * One transfer, from the command that asks for it to its outcome: what moves, how far it is, and how it is
 * stopped. Knows no reply codes and no commands.
 */
import type { DataChannel } from "../channel/data-channel.js";
import { giveBack, LentMemory } from "../channel/lent-memory.js";
import { FtpError } from "../errors.js";
import { Turn } from "../events/turn.js";
import type { WriteHandle } from "../storage/file-system.js";
import { type Stage, through } from "./stage.js";

/** Which way bytes go, and whether they are a file's. */
export type TransferDirection = "download" | "upload" | "listing";

/** What moves now, as the host sees it. */
export interface TransferView {
  /** The command that asked for it, e.g. `RETR`. */
  readonly verb: string;
  /** Absolute path of the file or directory; what the client sent until it is resolved. */
  readonly path: string;
  /** When the command came, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Bytes that went over the data connection so far. */
  readonly bytes: number;
  /** Milliseconds since the command came. */
  readonly milliseconds: number;
  /** The data connection; `undefined` before it is up. Its `abort` stops the transfer. */
  readonly channel: DataChannel | undefined;
}

/** What moves now. */
export class Transfer implements TransferView {
  /** The command that asked for it, e.g. `RETR`. */
  readonly verb: string;
  /** Absolute path of the file or directory; what the client sent until it is resolved. */
  path: string;
  /** When the command came, in milliseconds since 1970. */
  readonly startedAt = Date.now();
  /** Whether 150 was sent. */
  begun = false;
  /** Whether its end has been told: its bytes are counted then. */
  told = false;
  /** Which way bytes go; known from 150 on. */
  direction: TransferDirection = "listing";
  /** TYPE; known from 150 on. */
  type: "A" | "I" = "A";
  /** What it failed with. */
  error: unknown;
  readonly #controller = new AbortController();
  #channel: DataChannel | undefined;
  #committing = false;

  constructor(verb: string, path: string) {
    this.verb = verb;
    this.path = path;
  }

  /** Fires when the transfer is to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The data connection; `undefined` before it is up. */
  get channel(): DataChannel | undefined {
    return this.#channel;
  }

  /** Bytes that went over the data connection so far. */
  get bytes(): number {
    return this.#channel === undefined ? 0 : this.#channel.bytesSent + this.#channel.bytesReceived;
  }

  /** Milliseconds since the command came. */
  get milliseconds(): number {
    return Date.now() - this.startedAt;
  }

  /** Stops the transfer. Does nothing once the upload is being committed: then it has happened. */
  abort(reason: FtpError): void {
    if (this.#committing || this.signal.aborted) return;
    this.#controller.abort(reason);
    this.#channel?.abort(reason);
  }

  /**
   * Binds the data connection that the transfer moves over. Where it breaks while the store is at work, the store
   * need not go on: the signal fires, unless what came is to be kept.
   */
  use(channel: DataChannel, keepsWhatCame: boolean): void {
    this.#channel = channel;
    if (this.signal.aborted) channel.abort(this.signal.reason as FtpError);
    if (keepsWhatCame) return;
    channel.once("close", ({ error }) => {
      if (error !== undefined && !channel.ended && !this.#committing) this.#controller.abort(error);
    });
  }

  /** From here on nothing stops the transfer. */
  beginCommit(): void {
    this.signal.throwIfAborted();
    this.#committing = true;
  }
}

/** Sends a source to its end, then closes the data connection (RFC 959 §3.4.1: in stream mode that is the end of file). */
export async function sendAll(
  channel: DataChannel,
  source: AsyncIterable<Uint8Array>,
  stages: readonly Stage[],
): Promise<void> {
  const turn = new Turn();
  for await (const chunk of through(source, stages)) {
    const room = channel.send(asBytes(chunk));
    if (room !== undefined) await room;
    if (turn.due) await turn.take();
  }
  await channel.finish();
}

/**
 * The same for bytes that nobody else looks at on their way, through memory that is used again.
 * @param read puts the next bytes into memory; 0 at the end
 * @param translate what goes to the network for some bytes, in memory of its own. Default: the bytes
 */
export async function sendLent(
  channel: DataChannel,
  read: (memory: Uint8Array) => Promise<number>,
  translate?: (chunk: Uint8Array) => Iterable<Uint8Array>,
): Promise<void> {
  const turn = new Turn();
  const memory = new LentMemory();
  for (;;) {
    const bytes = await read(memory.room());
    if (bytes === 0) break;
    const chunk = memory.take(bytes);
    for (const piece of translate?.(chunk) ?? [chunk]) {
      const room = channel.send(piece, () => giveBack(piece));
      if (room !== undefined) await room;
    }
    if (translate !== undefined) giveBack(chunk);
    if (turn.due) await turn.take();
  }
  memory.close();
  await channel.finish();
}

/** Receives until the client closes the data connection. Bytes that arrived before an error are in the sink. */
export async function receiveAll(channel: DataChannel, sink: WriteHandle, stages: readonly Stage[]): Promise<void> {
  if (stages.length === 0) for await (const chunks of channel.receive()) await sink.write(chunks);
  else for await (const chunk of through(flatten(channel.receive()), stages)) await sink.write([asBytes(chunk)]);
}

/**
 * The same for bytes that only have to be translated, all that has come at once.
 * @param translate what the file gets for some bytes; without any, what is left at their end
 */
export async function receiveTranslated(
  channel: DataChannel,
  sink: WriteHandle,
  translate: (chunk?: Uint8Array) => Iterable<Uint8Array>,
): Promise<void> {
  for await (const chunks of channel.receive()) await sink.write(chunks.flatMap((chunk) => [...translate(chunk)]));
  await sink.write([...translate()]);
}

/** What a stream of the host gives may be text; anything else is a mistake of its, not the client's. */
export function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return Buffer.from(chunk);
  throw new TypeError(`a transfer moves bytes, not ${typeof chunk}`);
}

async function* flatten(batches: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) yield* batch;
}

/** Why something ended: that its signal fired counts for more than what was thrown because of it. */
export function reasonOf(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted && signal.reason instanceof FtpError ? signal.reason : error;
}
