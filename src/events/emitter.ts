/**
 * Typed events on eventemitter3 in two kinds: facts are told, questions are asked and their listeners
 * awaited. The only file that knows how eventemitter3 keeps its listeners. Knows nothing of FTP.
 */
import { EventEmitter } from "eventemitter3";
import { Deadline } from "./deadline.js";
import type { Question } from "./question.js";

/** Called with the payload of the event; what it returns is awaited when the event is a question. */
export type Listener<Payload> = (payload: Payload) => unknown;

/** A listener that failed, or did not settle in time. `cause` is what it threw. */
export class ListenerError extends Error {
  override readonly name = "ListenerError";
  /** The name of the event. */
  readonly event: string;

  constructor(event: string, message: string, options?: ErrorOptions) {
    super(`a listener of "${event}" ${message}`, options);
    this.event = event;
  }
}

/** What eventemitter3 does, with the types of our events: listeners may be async, so what they return is not `void`. */
interface TypedEmitter<Events extends object> {
  /** Adds a listener. */
  on<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this;
  /** Adds a listener that is called once. */
  once<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this;
  /** Removes a listener. */
  off<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this;
  /** Removes all listeners, of one event or of all. */
  removeAllListeners(event?: keyof Events & string): this;
  /** How many listen to an event. */
  listenerCount(event: keyof Events & string): number;
}

const Base = EventEmitter as unknown as abstract new <Events extends object>() => TypedEmitter<Events>;

/**
 * An emitter whose listeners cannot harm it: one that throws or rejects is reported through `failed`.
 * `Events` maps each name to its payload.
 */
export abstract class Emitter<Events extends object> extends Base<Events> {
  /** Told of every listener that failed in `tell`. */
  protected abstract failed(error: ListenerError): void;

  /** Whether anybody listens: a payload nobody wants need not be made. */
  hears(event: keyof Events & string): boolean {
    return this.listenerCount(event) > 0;
  }

  /** Tells a fact: every listener is called at once, none is waited for. */
  tell<Name extends keyof Events & string>(event: Name, payload: Events[Name]): void {
    if (!this.hears(event)) return;
    for (const listener of this.takeListeners(event)) {
      try {
        const result = listener.call(this, payload);
        if (isThenable(result))
          result.then(undefined, (cause: unknown) => this.failed(new ListenerError(event, "rejected", { cause })));
      } catch (cause) {
        this.failed(new ListenerError(event, "threw", { cause }));
      }
    }
  }

  /** The listeners, one by one; one of `once` is removed just before it is handed out. */
  *takeListeners<Name extends keyof Events & string>(event: Name): Generator<Listener<Events[Name]>> {
    const emitter = this as unknown as EventEmitter;
    for (const listener of emitter.listeners(event) as Listener<Events[Name]>[]) {
      emitter.removeListener(event, listener, undefined, true);
      yield listener;
    }
  }
}

/** The part of an emitter that `ask` needs. */
export interface Asked<Payload> {
  takeListeners(event: string): Iterable<Listener<Payload>>;
}

/**
 * Asks a question: the listeners of each emitter in turn, in order of registration, each awaited,
 * until one has answered.
 * @param patience `timeout`: milliseconds that all listeners have together from the first that does not answer at once, 0 waits
 * for ever; `signal`: asked for when something is waited for, ends the asking
 * @throws ListenerError where a listener throws, rejects or takes too long
 */
export async function ask<Asking extends Question>(
  emitters: readonly Asked<Asking>[],
  event: string,
  question: Asking,
  patience: { readonly timeout: number; readonly signal: () => AbortSignal },
): Promise<void> {
  const { timeout, signal } = patience;
  let deadline: Deadline | undefined;
  try {
    for (const emitter of emitters) {
      for (const listener of emitter.takeListeners(event)) {
        const answer = call(emitter, listener, event, question);
        if (answer !== undefined) {
          deadline ??= new Deadline(
            timeout,
            () => new ListenerError(event, `did not settle in ${timeout} ms`),
            signal(),
          );
          await deadline.bound(answer);
        }
        if (question.answered) return;
      }
    }
  } finally {
    deadline?.clear();
    question.close();
  }
}

/** Calls a listener. @returns what is to be awaited; `undefined` where it is done */
function call<Asking>(
  emitter: object,
  listener: Listener<Asking>,
  event: string,
  question: Asking,
): Promise<void> | undefined {
  const failed = (cause: unknown): never => {
    throw new ListenerError(event, "failed", { cause });
  };
  try {
    const result: unknown = listener.call(emitter, question);
    return isThenable(result) ? Promise.resolve(result).then(() => undefined, failed) : undefined;
  } catch (cause) {
    return failed(cause);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
