/**
 * One client described: what it can do under TLS, each as one run of it. It verifies the server's certificate by
 * `tls.ca`, and takes `tls.style` and `tls.scene.way`. Names are as in `test/clients`.
 */
import type { TestContext } from "node:test";
import type { Way } from "../clients/scene.js";
import type { RESUMPTION } from "./resumption.js";
import type { Style, TlsScene } from "./tls-scene.js";

/** The files of a visit: `down` is there to be taken, `up` is brought, twice. */
export const BROUGHT = ["first", "second"] as const;

/** A client. */
export interface TlsClient {
  readonly name: keyof typeof RESUMPTION;
  /** Programs that must be installed. */
  readonly programs: readonly string[];
  /** Whether what it needs besides is there; skips the test where it is not. */
  readonly isReady?: (t: TestContext) => Promise<boolean>;
  readonly styles: readonly Style[];
  /** The first one is used where the way does not matter. */
  readonly ways: readonly Way[];
  /**
   * In one session: lists the root, downloads `down`, and uploads `up` as `BROUGHT`, where it can. Rejects where the client
   * reports a failure. Gives the names that were listed.
   */
  readonly visit: (tls: TlsScene) => Promise<readonly string[]>;
  readonly cannotUpload?: boolean;
  /** A program that does not report failures by its exit status. */
  readonly silent?: boolean;
  /** What is missing at the end of the local file `down`. */
  readonly resumeDownload: (tls: TlsScene) => Promise<void>;
  /** What is missing at the end of the remote file `part`, from the local file `up`. */
  readonly resumeUpload?: (tls: TlsScene, size: number) => Promise<void>;
}
