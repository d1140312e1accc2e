/** A connection that is read into memory that is used again, from some moment on. Knows not what is read. */
import type { Socket } from "node:net";
import { LentMemory } from "./lent-memory.js";
import { takeOver } from "./node-reading.js";

/** Connections that such memory is there for at once: each has up to 1.5 MiB of it, and half a MiB while it rests. */
const MOST = 100;

let open = 0;

/** To be ended, once, when the connection is gone. */
export class LentReading {
  /** Carries the connection from now on. */
  readonly socket: Socket;
  readonly #memory: LentMemory;

  constructor(socket: Socket, memory: LentMemory) {
    this.socket = socket;
    this.#memory = memory;
    open++;
  }

  /**
   * @param socket paused, with nothing in it that was not read
   * @param arrived is told of each chunk, which is lent
   * @returns `undefined` where that cannot be: then the socket goes on as it was
   */
  static begin(socket: Socket, arrived: (chunk: Buffer) => void): LentReading | undefined {
    if (open >= MOST) return undefined;
    const memory = new LentMemory();
    const taken = takeOver(socket, {
      memory: () => memory.room(),
      arrived: (bytes) => arrived(memory.take(bytes)),
    });
    return taken === undefined ? undefined : new LentReading(taken, memory);
  }

  end(): void {
    open--;
    this.#memory.close();
  }
}
