/**
 * One client described: the ways to data connections that it knows, and what it can do, each as one run of it.
 * What it cannot do is left out; `expectations.ts` then leaves it out too. Remote names are relative to `/`, where
 * every login begins, so that a leading dash stays leading; local names are relative to `scene.folder`.
 */
import type { Scene, Way } from "./scene.js";

/** One step: a run of the client that rejects where the client reports a failure. */
export type Step<Arguments extends readonly string[], Result = void> = (
  scene: Scene,
  ...args: Arguments
) => Promise<Result>;

/** A client and what it can do. */
export interface Client {
  readonly name: string;
  /** Programs that must be installed. */
  readonly programs: readonly string[];
  /** All ways that it can be told to take; the first one is used where the way does not matter. */
  readonly ways: readonly Way[];
  /** The kinds of names, of `NAMES`, that cannot be said in the client's own language, with the reason. */
  readonly unspeakable?: Readonly<Record<string, string>>;

  /** The names in a directory as the client understood them, in any order; `""` is the root. */
  readonly list?: Step<[directory: string], readonly string[]>;
  readonly download: Step<[remote: string, local: string]>;
  readonly upload?: Step<[local: string, remote: string]>;
  /** What is missing at the end of the local file. */
  readonly resumeDownload?: Step<[remote: string, local: string]>;
  /** What is missing at the end of the remote file. */
  readonly resumeUpload?: Step<[local: string, remote: string]>;
  readonly append?: Step<[local: string, remote: string]>;
  /** TYPE A. */
  readonly downloadText?: Step<[remote: string, local: string]>;
  /** TYPE A. */
  readonly uploadText?: Step<[local: string, remote: string]>;
  readonly rename?: Step<[from: string, to: string]>;
  readonly remove?: Step<[path: string]>;
  readonly makeDirectory?: Step<[path: string]>;
  readonly removeDirectory?: Step<[path: string]>;
  /** All files of a remote directory, into a local directory that exists. */
  readonly downloadFolder?: Step<[remote: string, local: string]>;
  /** All files of a local directory, into a remote directory that exists. */
  readonly uploadFolder?: Step<[local: string, remote: string]>;
  /** A remote directory with all below it becomes the local one, which exists. */
  readonly downloadTree?: Step<[remote: string, local: string]>;
  /** A local directory with all below it becomes the remote one, which does not exist. */
  readonly uploadTree?: Step<[local: string, remote: string]>;
  /** A download with a wrong password: must report a failure. */
  readonly wrongPassword?: Step<[]>;
  /** A program that does not report failures by its exit status. */
  readonly silent?: boolean;
  /** Whether a text that was downloaded in TYPE A is left with the CR LF of the wire. */
  readonly keepsNetworkLineEnds?: boolean;
}
