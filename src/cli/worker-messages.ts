/** What `--workers` says between the primary and its workers: plain data, over the channel of `node:cluster`. */
import type { ListenerAddress } from "../index.js";
import type { KeyPair } from "./certificate.js";
import type { User } from "./values.js";

/** What all processes of one run have in common. */
export interface Ground {
  /** The account that was made up because none was given. */
  readonly made: User | undefined;
  /** The certificate to begin with, where there is TLS. */
  readonly pair: KeyPair | undefined;
}

/** What a worker needs to know to begin. */
export interface Setup extends Ground {
  /** Which part of what is divided is its own, from 0. Whoever comes after a worker that died has the same. */
  readonly index: number;
  /** The ports to listen on, in the order of the listeners. */
  readonly ports: readonly number[];
}

/** What a worker says. */
export type FromWorker =
  | { readonly portside: "worker"; readonly say: "ready" }
  | { readonly portside: "worker"; readonly say: "listening"; readonly addresses: readonly ListenerAddress[] }
  | { readonly portside: "worker"; readonly say: "failed"; readonly message: string }
  | { readonly portside: "worker"; readonly say: "metrics"; readonly id: number; readonly metrics: readonly object[] };

/** What the primary tells a worker. */
export type ToWorker =
  | { readonly portside: "worker"; readonly tell: "begin"; readonly setup: Setup }
  | { readonly portside: "worker"; readonly tell: "drain" }
  | { readonly portside: "worker"; readonly tell: "abort" }
  | { readonly portside: "worker"; readonly tell: "metrics"; readonly id: number };

/** Whether a message is a worker's; others go over the same channel. */
export function isFromWorker(message: unknown): message is FromWorker {
  return isOurs(message) && "say" in message;
}

/** Whether a message is the primary's; others go over the same channel. */
export function isToWorker(message: unknown): message is ToWorker {
  return isOurs(message) && "tell" in message;
}

function isOurs(message: unknown): message is object {
  return (message as Partial<FromWorker> | null | undefined)?.portside === "worker";
}
