/**
 * What strangers can cause as often as they can connect, told sparingly: a flood of it must not become a flood of lines,
 * for a disk has an end. Knows no lines and no files.
 */
import type { Emitter } from "../events/emitter.js";
import { addressKey } from "../limits/address-key.js";
import type { FactEvents, SessionEvents } from "../session/events.js";
import type { Session } from "../session/session.js";

/** The facts that can be summed up. */
export type SummarizedEvent = "refused" | "tlsFailed" | "limited" | "stranger";

/** A fact, or how many of its kind there were. */
export interface Summary<Fact> {
  /** The last one. */
  readonly fact: Fact;
  /** How many. All that is told adds up to all that came. */
  readonly count: number;
  /** Whether they are of several addresses, or of one that nobody knows: then `fact` is just one of them. */
  readonly others: boolean;
}

/** Milliseconds between two numbers about the same. */
const INTERVAL = 60_000;
/** Addresses and reasons that are told apart at a time. */
const MOST = 50;

/** Whose doing a fact is, and what it is about. */
interface Kind {
  /** `undefined` where nobody knows. */
  readonly address: string | undefined;
  /** One of a few words. */
  readonly about: string;
  /** What tells it apart from others of one address. */
  readonly detail?: string;
  /** Whether somebody is logged in, who can be asked. */
  readonly admitted?: boolean;
}

const KINDS: { readonly [Name in SummarizedEvent]: (fact: FactEvents[Name]) => Kind } = {
  refused: ({ remoteAddress, reason, reached }) => ({
    address: remoteAddress,
    about: `${reason} ${reached?.scope} ${reached?.limit}`,
  }),
  tlsFailed: ({ session: { remoteAddress, admitted }, channel, reason }) => ({
    address: remoteAddress,
    about: channel,
    detail: reason,
    admitted,
  }),
  limited: ({ session: { remoteAddress, admitted }, scope, limit }) => ({
    address: remoteAddress,
    about: `${scope} ${limit}`,
    admitted,
  }),
  stranger: ({ address }) => ({ address, about: "" }),
};

/** What has come since it was told the last time. */
interface Group<Fact> {
  readonly fact: Fact;
  readonly count: number;
}

class Summaries<Fact> {
  readonly #tell: (summary: Summary<Fact>) => void;
  readonly #failed: (error: unknown) => void;
  readonly #apart = new Map<string, Group<Fact>>();
  /** Those of whom there are too many, and those whose address nobody knows. */
  readonly #others = new Map<string, Group<Fact>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (summary: Summary<Fact>) => void, failed: (error: unknown) => void) {
    this.#tell = tell;
    this.#failed = failed;
  }

  take(fact: Fact, { address, about, detail = "", admitted = false }: Kind): void {
    if (admitted) return this.#tell({ fact, count: 1, others: false });
    this.#timer ??= setInterval(() => this.#tellAll(), INTERVAL).unref();
    const key = address === undefined ? undefined : `${addressKey(address)} ${about} ${detail}`;
    if (key !== undefined && this.#apart.has(key)) return add(this.#apart, key, fact);
    if (key === undefined || this.#apart.size >= MOST) return add(this.#others, about, fact);
    this.#apart.set(key, { fact, count: 0 });
    this.#tell({ fact, count: 1, others: false });
  }

  /** Tells what is left. */
  stop(): void {
    this.#tellAll();
    this.#clear();
  }

  #tellAll(): void {
    for (const [key, { fact, count }] of this.#apart) {
      // Who goes on has no first time again; who has stopped makes room.
      if (count === 0) this.#apart.delete(key);
      else this.#apart.set(key, { fact, count: 0 });
      if (count > 0) this.#try({ fact, count, others: false });
    }
    for (const { fact, count } of this.#others.values()) this.#try({ fact, count, others: true });
    this.#others.clear();
    if (this.#apart.size === 0) this.#clear();
  }

  #try(summary: Summary<Fact>): void {
    try {
      this.#tell(summary);
    } catch (error) {
      this.#failed(error);
    }
  }

  #clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#apart.clear();
  }
}

/**
 * Tells of what strangers can cause in floods, for a log that nobody can fill: at most some hundred times a minute, whatever
 * comes. Of each address and reason the first is told at once, and those that follow once a minute as a number. Where there
 * are more than 50 addresses and reasons, the others are told together. An IPv6 address counts by its first 64 bits. What
 * is about somebody who is logged in (`tlsFailed`, `limited`) is told each time.
 * @param tell what it throws becomes an `error` event
 * @returns how to stop, which tells what is left
 * @example
 * summarize(server, "refused", ({ fact, count }) => log.info({ client: fact.remoteAddress, reason: fact.reason, count }));
 */
export function summarize<Account, Name extends SummarizedEvent>(
  server: Emitter<SessionEvents<Session<Account>>>,
  event: Name,
  tell: (summary: Summary<FactEvents<Session<Account>>[Name]>) => void,
): () => void {
  const kindOf = KINDS[event] as (fact: FactEvents<Session<Account>>[Name]) => Kind;
  const summaries = new Summaries(tell, (error) => server.tell("error", { error }));
  const take = (fact: FactEvents<Session<Account>>[Name]): void => summaries.take(fact, kindOf(fact));
  server.on(event, take);
  return () => {
    server.off(event, take);
    summaries.stop();
  };
}

function add<Fact>(groups: Map<string, Group<Fact>>, key: string, fact: Fact): void {
  groups.set(key, { fact, count: (groups.get(key)?.count ?? 0) + 1 });
}
