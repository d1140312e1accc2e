/**
 * Scripts sent to Redis, each within its time, over a client of the host or one of our own. While one that is overdue has
 * not been answered nothing else is sent: it would wait behind it, and everybody with it. Knows no keys.
 */
import { type EventEmitter, once } from "node:events";
import { createClient, type RedisClientOptions } from "redis";
import { outOfTime, pauseBefore } from "./redis-times.js";

/** What scripts are sent by: every client, pool, cluster and sentinel of `redis` is one. */
export interface RedisScripting {
  eval(script: string, options: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown>;
}

/** How Redis is reached. */
export interface RedisLinkOptions {
  /**
   * A client of `redis` that the host has connected, listens to for `error`, and closes; or what to make one of, in the
   * words of `createClient`: `url`, `socket`, `username`, `password`, … Default: 127.0.0.1, port 6379.
   */
  readonly client?: RedisScripting | RedisClientOptions | undefined;
  /**
   * How long Redis may take to answer, 0 to 2^31-1 milliseconds, connecting included; 0 is no limit. The server itself
   * waits for no more than 2000. Default 1000.
   */
  readonly timeout?: number | undefined;
}

/** The parts of a client of our own, of each major version: the older ones end by `disconnect` alone. */
interface OwnClient extends RedisScripting, EventEmitter {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy?(): void;
  disconnect(): Promise<unknown>;
}

/** Our own client lets an idle connection be tried so often, in milliseconds … */
const PING_MS = 5000;
/** … and gives up one on which nothing has moved for so long. */
const SILENCE_MS = 15_000;
/** A connection that is being made is waited for so long before it is ended. */
const CLOSING_MS = 2000;
const MAX_TIME = 2 ** 31 - 1;

/** The way to one Redis. */
export class RedisLink {
  readonly #client: RedisScripting;
  readonly #own: OwnClient | undefined;
  readonly #timeout: number;
  #connecting: Promise<unknown> | undefined;
  /** Scripts whose time was over, and that have not been answered yet. */
  #overdue = 0;
  #closed = false;

  /** @throws TypeError, RangeError naming the option */
  constructor({ client, timeout = 1000 }: RedisLinkOptions) {
    if (!Number.isInteger(timeout) || timeout < 0 || timeout > MAX_TIME)
      throw new RangeError(`timeout must be an integer from 0 to ${MAX_TIME} milliseconds, not ${timeout}`);
    this.#timeout = timeout;
    this.#own = isClient(client) ? undefined : ownClient(client, timeout, () => this.#closed);
    this.#client = this.#own ?? (client as RedisScripting);
  }

  /** Runs a script on one key. Rejects where Redis fails, does not answer in time, or was overdue already. */
  async run(script: string, key: string, args: readonly (string | number)[]): Promise<unknown> {
    this.#assertOpen();
    if (this.#overdue > 0) throw new Error("Redis still owes an answer; it is not asked again before");
    const time = outOfTime(this.#timeout);
    const answer = this.#send(script, { keys: [key], arguments: args.map(String) }, time.signal);
    try {
      return await Promise.race([answer, time.over]);
    } finally {
      time.clear();
      if (time.signal.aborted) this.#wait(answer);
    }
  }

  /** Ends a connection of our own; what is on its way rejects. A client of the host stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
    const own = this.#own;
    if (!own?.isOpen) return;
    // Clients that are ended while they connect connect all the same, and stay.
    if (!own.isReady) await once(own, "ready", { signal: AbortSignal.timeout(CLOSING_MS) }).catch(() => undefined);
    if (!own.isOpen) return;
    if (own.destroy === undefined) await own.disconnect();
    else own.destroy();
  }

  async #send(
    script: string,
    options: { readonly keys: string[]; readonly arguments: string[] },
    signal: AbortSignal,
  ): Promise<unknown> {
    await this.#connected();
    // Nobody waits for it any more, and it was told to have failed.
    signal.throwIfAborted();
    this.#assertOpen();
    return this.#client.eval(script, options);
  }

  /** Our own client connects when it is first needed, and again where it has given up. */
  #connected(): Promise<unknown> | undefined {
    const own = this.#own;
    if (own === undefined) return undefined;
    if (!own.isOpen) this.#connecting = own.connect();
    return this.#connecting;
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error("the store was closed");
  }

  #wait(answer: Promise<unknown>): void {
    this.#overdue++;
    const answered = (): void => void this.#overdue--;
    answer.then(answered, answered);
  }
}

/** Not by its class: it may come from another copy of the package. */
function isClient(client: RedisLinkOptions["client"]): client is RedisScripting {
  return client !== undefined && "eval" in client;
}

function ownClient(options: RedisClientOptions = {}, timeout: number, isOver: () => boolean): OwnClient {
  const client = createClient({
    // What cannot be sent now is of no use later.
    disableOfflineQueue: true,
    pingInterval: PING_MS,
    ...options,
    socket: {
      ...(timeout > 0 && { connectTimeout: timeout }),
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries: number) => (isOver() ? new Error("the store was closed") : pauseBefore(retries)),
      ...options.socket,
    } as NonNullable<RedisClientOptions["socket"]>,
  });
  // Told by the scripts that fail.
  client.on("error", () => undefined);
  return client;
}
