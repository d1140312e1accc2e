/** Counts what a server does, from the facts that it tells. Knows no sockets; holds nothing of any client. */
import type { LimitScope, Reached } from "../limits/limits.js";
import type { FactEvents, TransferFact } from "../session/events.js";
import type { Observer } from "../session/observer.js";
import type { Session } from "../session/session.js";
import type { Transfer, TransferDirection } from "../transfer/transfer.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import { Histogram, type Latency } from "./histogram.js";
import type { CommandMetrics, LimitMetrics, Metrics, TransferMetrics } from "./metrics.js";

/** What of a session is looked at when numbers are asked for. */
export interface Present {
  readonly session: Pick<Session, "admitted" | "secure">;
  readonly transfer: Pick<Transfer, "begun" | "told" | "direction" | "bytes"> | undefined;
}

/** What the counts themselves do not hold. */
export interface Surroundings {
  readonly present: Iterable<Present>;
  /** Passive ports that are held now. */
  readonly leases: number;
  readonly eventLoopDelay: Latency;
}

/** What is no command here is one verb, whatever the client has made up. */
const UNKNOWN = "unknown";
const DIRECTIONS: readonly TransferDirection[] = ["download", "upload", "listing"];

interface Counter {
  count: number;
}

class VerbTally {
  readonly latency = new Histogram();
  readonly #replies = new Map<ReplyCode, Counter>();

  add(code: ReplyCode, milliseconds: number): void {
    this.latency.add(milliseconds);
    counter(this.#replies, code).count++;
  }

  snapshot(): CommandMetrics {
    const replies = Object.fromEntries([...this.#replies].map(([code, { count }]) => [code, count]));
    return { latency: this.latency.snapshot(), replies };
  }
}

type Amounts = { -readonly [Name in keyof TransferMetrics]: number };
type Takes = { readonly [Name in keyof FactEvents]?: (fact: Omit<FactEvents[Name], "session">) => void };

/** The counts of one server. */
export class Tally implements Observer {
  readonly #verbs = new Map<string, VerbTally>();
  readonly #transfers = byDirection(noAmounts);
  readonly #refused = { allow: 0, deny: 0, proxy: 0, banned: 0, limit: 0 };
  readonly #logins = { accepted: 0, refused: 0, over: 0 };
  readonly #handshakes = { control: { complete: 0, failed: 0 }, data: { complete: 0, failed: 0 } };
  readonly #limits = new Map<Reached["limit"], Map<LimitScope, Counter>>();
  #bans = 0;
  #sessions = 0;
  #exhausted = 0;
  #strangers = 0;
  #errors = 0;
  /** By fact; what has no entry is counted nowhere. */
  readonly #takes: Takes = {
    session: () => void this.#sessions++,
    refused: ({ reason, reached }) => {
      this.#refused[reason]++;
      if (reached !== undefined) this.#reach(reached);
    },
    loggedIn: () => void this.#logins.accepted++,
    loginFailed: ({ over }) => {
      this.#logins.refused++;
      if (over) this.#logins.over++;
    },
    retrieved: (fact) => this.#end(fact, "complete"),
    stored: (fact) => this.#end(fact, "complete"),
    listed: (fact) => this.#end(fact, "complete"),
    aborted: (fact) => this.#end(fact, fact.outcome),
    secured: ({ channel }) => void this.#handshakes[channel].complete++,
    tlsFailed: ({ channel }) => void this.#handshakes[channel].failed++,
    portsExhausted: () => void this.#exhausted++,
    stranger: () => void this.#strangers++,
    limited: (fact) => this.#reach(fact),
    banned: () => void this.#bans++,
    error: () => void this.#errors++,
  };

  replied(verb: string | undefined, code: ReplyCode, milliseconds: number): void {
    const name = verb ?? UNKNOWN;
    let tally = this.#verbs.get(name);
    if (tally === undefined) this.#verbs.set(name, (tally = new VerbTally()));
    tally.add(code, milliseconds);
  }

  /** Takes an event of the server; questions count nowhere. */
  take(event: string, fact: unknown): void {
    if (!Object.hasOwn(this.#takes, event)) return;
    const take = this.#takes[event as keyof Takes] as (fact: unknown) => void;
    take(fact);
  }

  /** All counts, and what is there now. */
  snapshot({ present, leases, eventLoopDelay }: Surroundings): Metrics {
    const sessions = { now: 0, admitted: 0, secure: 0, total: this.#sessions };
    const transfers = byDirection((direction) => ({ ...this.#transfers[direction] }));
    for (const { session, transfer } of present) {
      sessions.now++;
      if (session.admitted) sessions.admitted++;
      if (session.secure !== undefined) sessions.secure++;
      if (transfer === undefined || !transfer.begun || transfer.told) continue;
      transfers[transfer.direction].now++;
      transfers[transfer.direction].bytes += transfer.bytes;
    }
    const { download, upload, listing } = transfers;
    return {
      sessions,
      refused: { ...this.#refused },
      logins: { ...this.#logins },
      commands: Object.fromEntries([...this.#verbs].map(([verb, tally]) => [verb, tally.snapshot()])),
      transfers,
      bytes: { in: upload.bytes, out: download.bytes + listing.bytes },
      passive: { leases, exhausted: this.#exhausted, strangers: this.#strangers },
      handshakes: { control: { ...this.#handshakes.control }, data: { ...this.#handshakes.data } },
      limits: this.#limitMetrics(),
      bans: this.#bans,
      errors: this.#errors,
      eventLoopDelay,
    };
  }

  #reach({ limit, scope }: Reached): void {
    const counters = this.#limits.get(limit) ?? new Map<LimitScope, Counter>();
    this.#limits.set(limit, counters);
    counter(counters, scope).count++;
  }

  #limitMetrics(): readonly LimitMetrics[] {
    return [...this.#limits].flatMap(([limit, scopes]) =>
      [...scopes].map(([scope, { count }]) => ({ limit, scope, count })),
    );
  }

  #end(fact: Omit<TransferFact, "session">, outcome: "complete" | "aborted" | "failed"): void {
    const amounts = this.#transfers[fact.direction];
    amounts[outcome]++;
    amounts.bytes += fact.bytes;
    amounts.milliseconds += fact.milliseconds;
  }
}

function counter<Key>(counters: Map<Key, Counter>, key: Key): Counter {
  let found = counters.get(key);
  if (found === undefined) counters.set(key, (found = { count: 0 }));
  return found;
}

function byDirection(make: (direction: TransferDirection) => Amounts): Record<TransferDirection, Amounts> {
  return Object.fromEntries(DIRECTIONS.map((direction) => [direction, make(direction)])) as Record<
    TransferDirection,
    Amounts
  >;
}

function noAmounts(): Amounts {
  return { now: 0, complete: 0, aborted: 0, failed: 0, bytes: 0, milliseconds: 0 };
}
