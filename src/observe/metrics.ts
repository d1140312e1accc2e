/** What a server says of itself in numbers. Counts go from its beginning; times are in milliseconds. */
import type { LimitScope, Reached } from "../limits/limits.js";
import type { RefusedFact } from "../session/events.js";
import type { TransferDirection } from "../transfer/transfer.js";
import type { Latency } from "./histogram.js";

/** Transfers of one direction. */
export interface TransferMetrics {
  /** That move now, data connections that are still to come included. */
  readonly now: number;
  readonly complete: number;
  /** That the client, the host or the end of the session has stopped. */
  readonly aborted: number;
  /** That a store, a stream, TLS or silence has ended. */
  readonly failed: number;
  /** Bytes over data connections, those that move now included. */
  readonly bytes: number;
  /** From the command to the end, all that have ended together. */
  readonly milliseconds: number;
}

/** One verb. */
export interface CommandMetrics {
  /** From the line to the final reply; of a transfer, to its end. */
  readonly latency: Latency;
  /** How many final replies, by code. */
  readonly replies: Readonly<Record<number, number>>;
}

/** One bound that was reached. */
export interface LimitMetrics {
  readonly limit: Reached["limit"];
  readonly scope: LimitScope;
  readonly count: number;
}

/** TLS handshakes on one kind of connection. */
export interface HandshakeMetrics {
  readonly complete: number;
  readonly failed: number;
}

/** A snapshot of a server: plain data. Nothing in it comes from a client but numbers. */
export interface Metrics {
  readonly sessions: {
    /** Connected now. */
    readonly now: number;
    /** Logged in now. */
    readonly admitted: number;
    /** Under TLS now. */
    readonly secure: number;
    /** Connected since the server was made. */
    readonly total: number;
  };
  /** Connections that were not let in and never became a session, by the option that says so. */
  readonly refused: Readonly<Record<RefusedFact["reason"], number>>;
  readonly logins: {
    readonly accepted: number;
    readonly refused: number;
    /** Of those refused: the last one that a connection had. */
    readonly over: number;
  };
  /** By verb of the table, where one was answered; `unknown` is everything that is no command here. */
  readonly commands: Readonly<Record<string, CommandMetrics>>;
  readonly transfers: Readonly<Record<TransferDirection, TransferMetrics>>;
  /** Over data connections: `out` are downloads and listings, `in` are uploads. */
  readonly bytes: { readonly in: number; readonly out: number };
  readonly passive: {
    /** Ports that are held now. */
    readonly leases: number;
    /** Times that none was free. */
    readonly exhausted: number;
    /** Connections of others than the client. */
    readonly strangers: number;
  };
  readonly handshakes: Readonly<Record<"control" | "data", HandshakeMetrics>>;
  /** Bounds that were reached; of a rate and of `queuedCommands` once a session. */
  readonly limits: readonly LimitMetrics[];
  /** Times that an address was banned for failed logins. */
  readonly bans: number;
  /** `error` events. */
  readonly errors: number;
  /** How late the event loop was, at fifty looks a second from the first snapshot to the end of the server. */
  readonly eventLoopDelay: Latency;
}
