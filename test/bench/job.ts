/** What the benchmark tells the processes that make the load, and what they tell it. Knows nothing of the servers. */

/** Where a server is and who may log in. */
export interface Target {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** TLS 1.3, begun by AUTH, data connections too. */
  readonly tls: boolean;
}

/** Files, each over a data connection of its own. */
export interface TransferJob {
  readonly kind: "transfer";
  readonly verb: "RETR" | "STOR";
  readonly type: "I" | "A";
  /** What is fetched, or the folder that is stored in, each time under a new name. */
  readonly path: string;
  /** Of one file, as it is on the server: a multiple of 1 MiB, or less than that. */
  readonly bytes: number;
  /** Milliseconds that every client goes on; 0 is one file for each client. */
  readonly milliseconds: number;
}

/** One listing of the folder that the client is in. */
export interface ListingJob {
  readonly kind: "listing";
  readonly verb: "LIST" | "MLSD";
  readonly path: string;
}

/** To connect, log in, and QUIT. */
export interface SessionJob {
  readonly kind: "sessions";
  readonly milliseconds: number;
}

/** NOOP, so many in one piece, and all replies before the next ones. */
export interface CommandJob {
  readonly kind: "commands";
  readonly batch: number;
  readonly milliseconds: number;
}

/** What is to be done. */
export type Job = (TransferJob | ListingJob | SessionJob | CommandJob) & {
  /** How many do it at once. */
  readonly clients: number;
  /** Sessions that are logged in meanwhile, say nothing, and must answer at the end. */
  readonly idle: number;
};

/** What came of it. */
export interface Figures {
  /** The first and the last moment, in milliseconds of the epoch. */
  readonly begun: number;
  readonly ended: number;
  /** Those that were right, and those that were not. */
  readonly operations: number;
  readonly errors: number;
  /** The first thing that went wrong. */
  readonly complaint: string | undefined;
  /** Seconds that the client computed. */
  readonly clientSeconds: number;
  /** Bytes that went over data connections. */
  readonly wire: number;
  /** Milliseconds of one operation. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
  readonly mean: number;
  /** Milliseconds from the command of a listing to its first byte. */
  readonly firstByte: number | undefined;
}

/** To make ready what is not measured, and then to begin. */
export type Order = { readonly kind: "prepare"; readonly job: Job; readonly target: Target } | { readonly kind: "go" };

/** The answer to either. */
export type Report =
  | { readonly kind: "ready" }
  | { readonly kind: "figures"; readonly figures: Figures }
  | { readonly kind: "failed"; readonly complaint: string };

/** The length of a line of the texts that go in TYPE A, with its LF. */
export const LINE = 64;
/** What files are made of, and sent in. */
export const BLOCK = 2 ** 20;

/** Bytes of a file on its way, where lines end by CRLF in TYPE A. */
export function wireBytes({ type, bytes }: Pick<TransferJob, "type" | "bytes">): number {
  return type === "A" ? bytes + bytes / LINE : bytes;
}
