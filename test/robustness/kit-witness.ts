/**
 * A session that does a small download again and again while others do what they should not, and must notice
 * nothing of it. Works with any server of `serve`.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { FileSystem } from "../../dist/index.js";
import { download } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import type { Served } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";

/** What the witness downloads, below the root of the store. */
const WITNESS_FILE = "witness.bin";
const CONTENT = bytesOf(20_000, 77);
/** Milliseconds between two downloads: enough to leave the machine to the others. */
const PACE = 10;

/** The witness at work. Disposing it ends it and says what it saw. */
export class Witness implements AsyncDisposable {
  readonly #client: ScriptedClient;
  readonly #ended: Promise<void>;
  #rounds = 0;
  #slowest = 0;
  #stopping = false;
  #failure: unknown;

  private constructor(client: ScriptedClient) {
    this.#client = client;
    this.#ended = this.#watch().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  /**
   * Puts the file into the store and begins.
   * @param store where the file goes, when it is not what the server serves
   */
  static async begin(served: Served, store: FileSystem = served.fileSystem): Promise<Witness> {
    await put(store, `/${WITNESS_FILE}`, CONTENT);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    return new Witness(client);
  }

  /** Downloads so far. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Milliseconds of the slowest one. */
  get slowest(): number {
    return this.#slowest;
  }

  /** Asserts that every download was whole, and that one more works now. */
  async assertUnharmed(): Promise<void> {
    const before = this.#rounds;
    await until(() => this.#rounds > before || this.#failure !== undefined, undefined, "the witness goes on");
    assert.equal(this.#failure, undefined, `the witness failed after ${this.#rounds} downloads`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#ended;
    await this.#client[Symbol.asyncDispose]();
    assert.equal(this.#failure, undefined, `the witness failed after ${this.#rounds} downloads`);
  }

  async #watch(): Promise<void> {
    while (!this.#stopping) {
      const begun = performance.now();
      const { bytes } = await download(this.#client, `RETR ${WITNESS_FILE}`);
      assert(bytes.equals(CONTENT), "the witness got other bytes");
      this.#slowest = Math.max(this.#slowest, performance.now() - begun);
      this.#rounds++;
      await pause(PACE);
    }
  }
}
