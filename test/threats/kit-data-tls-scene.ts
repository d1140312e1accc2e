/** A server with TLS and a client that is logged in under it, for one test, after which nothing may be left. */
import type { ConnectionOptions } from "node:tls";
import type { FileSystem, Server, ServerOptions, TlsOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { TlsClient } from "./kit-data-tls-client.js";

/** What a test may want to be otherwise. */
export interface SceneOptions<Store extends FileSystem = FileSystem> {
  /** How the client shakes hands. */
  readonly client?: ConnectionOptions;
  readonly tls?: Partial<TlsOptions>;
  readonly server?: Omit<ServerOptions, "tls">;
  readonly fileSystem?: Store;
  /** Adds listeners before the server listens. */
  readonly setup?: (server: Server) => void;
}

/** What a test works with. */
export interface Scene extends Served {
  /** Logged in, with PROT P and TYPE I. */
  readonly own: TlsClient;
  /** One more client. */
  enter(options?: ConnectionOptions, username?: string): Promise<TlsClient>;
}

/** Runs the work, and asserts that every command got one reply and that nothing is left. */
export async function scene(options: SceneOptions, work: (scene: Scene) => Promise<void>): Promise<void> {
  await hosted(options, async (served) => {
    const clients: TlsClient[] = [];
    const enter = async (client: ConnectionOptions = options.client ?? {}, username = "test") => {
      const made = await TlsClient.login(served.port, client, username);
      clients.push(made);
      return made;
    };
    try {
      const own = await enter();
      await work({ ...served, own, enter });
      if (!own.raw.destroyed) await own.assertQuiet();
    } finally {
      for (const client of clients) await client[Symbol.asyncDispose]();
    }
  });
}

/** The server alone. */
export async function hosted(options: SceneOptions, work: (served: Served) => Promise<void>): Promise<void> {
  const { server: pair } = await testCertificates();
  const tls = { ...pair, ...options.tls };
  const given: ServeOptions = { ...options.server, tls };
  await assertNoLeaks(async () => {
    await using served = await serve(
      options.fileSystem === undefined ? given : { ...given, fileSystem: options.fileSystem },
      options.setup,
    );
    await work(served);
  });
}
