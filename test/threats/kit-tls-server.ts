/** A server under TLS that writes down what it was asked and told, so that a command that must not be executed is seen. */
import assert from "node:assert/strict";
import type { Server } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { TlsClient } from "./kit-tls.js";

/** The options of TLS. */
export type ServerTls = Partial<NonNullable<ServeOptions["tls"]>>;

/** A server, and what became known of its clients. */
export interface WatchedServer extends Served {
  /** Every reply and what it answers, such as `AUTH 234`; without a verb, what answers no command. */
  readonly answers: string[];
  /** Who tried to log in. */
  readonly logins: string[];
  /** The handshakes that failed, by channel and reason. */
  readonly failures: string[];
  /** What the server took for a fault of its own or of the host. */
  readonly faults: unknown[];
  /** Asserts that a new client can work, and that only it is left. */
  assertServes(): Promise<void>;
}

/** Content of `/f`. */
export const CONTENT = "what /f holds";

/**
 * Serves with a certificate for `localhost`, on an explicit port, or on an implicit one where `implicitTls` says so.
 * `require` is `none` unless given.
 */
export async function serveTls(
  tls: ServerTls = {},
  options: ServeOptions = {},
  setup?: (server: Server) => void,
): Promise<WatchedServer> {
  const { server: pair } = await testCertificates();
  const answers: string[] = [];
  const logins: string[] = [];
  const failures: string[] = [];
  const faults: unknown[] = [];
  const served = await serve({ ...options, tls: { ...pair, require: "none", ...tls } }, (server) => {
    setup?.(server);
    // No question: one that is heard would change when commands run.
    server.on("reply", ({ verb = "", code }) => {
      answers.push(`${verb} ${code}`.trim());
    });
    server.on("login", ({ username }) => {
      logins.push(username);
    });
    server.on("tlsFailed", ({ channel, error }) => {
      failures.push(`${channel}: ${error.message}`);
    });
    server.on("error", ({ error }) => {
      faults.push(error);
    });
  });
  await put(served.fileSystem, "/f", CONTENT);
  const assertServes = (): Promise<void> => work(served);
  return { ...served, answers, logins, failures, faults, assertServes };
}

/**
 * Runs an attack on a server of its own: afterwards the server must serve the next client, must not have seen a fault,
 * and nothing may be left of the attack.
 */
export async function besiege(
  tls: ServerTls,
  options: ServeOptions,
  attack: (served: WatchedServer) => Promise<void>,
): Promise<void> {
  await testCertificates();
  await assertNoLeaks(async () => {
    await using served = await serveTls(tls, options);
    await attack(served);
    await served.assertServes();
    assert.deepEqual(served.faults, []);
  });
}

/** Runs an attack with a client of its own, which is gone when the attack is over. */
export async function withClient(
  opening: Promise<TlsClient>,
  attack: (client: TlsClient) => Promise<void>,
): Promise<void> {
  await using client = await opening;
  await attack(client);
}

async function work(served: Served): Promise<void> {
  await until(() => served.server.sessions.length === 0, undefined, "the sessions end");
  for (const { port, implicitTls } of served.server.addresses) {
    await using client = await (implicitTls ? TlsClient.implicit(port) : TlsClient.explicit(port));
    await client.login();
    await client.expect("PBSZ 0", 200);
    await client.expect("PROT P", 200);
    assert.equal((await client.download("RETR f")).toString(), CONTENT);
    await client.assertQuiet();
  }
}
