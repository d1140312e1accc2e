/**
 * A server for one test: on the loopback, on a free port, with one user and an empty memory store, and
 * gone when the test ends. Uses only the public face. Under TLS where `useTls` says so.
 */
import assert from "node:assert/strict";
import { type FileSystem, MemoryFileSystem, Server, type ServerOptions } from "../../dist/index.js";
import { ScriptedClient } from "./scripted-client.js";
import { securable } from "./security.js";
import { within } from "./temporary.js";

/** Options of the server, and the store that user `test` gets. */
export type ServeOptions = ServerOptions & {
  /** Default: a new MemoryFileSystem. */
  readonly fileSystem?: FileSystem;
  /** Whether clients may use `reinitialize`: under TLS a server has to be told. */
  readonly mayReinitialize?: boolean;
};

/** A running server and its clients; disposing it ends them all. */
export interface Served<Store extends FileSystem = FileSystem> extends AsyncDisposable {
  readonly server: Server;
  readonly host: string;
  readonly port: number;
  readonly fileSystem: Store;
  /** A new client, greeted but not logged in. */
  client(): Promise<ScriptedClient>;
  /** A new client, logged in as user `test` (password `secret`). */
  user(): Promise<ScriptedClient>;
}

/** Tests come in crowds from one address, and guess passwords; those of limits say which they want. */
export const UNBOUNDED: ServerOptions = {
  limits: { server: { sessions: 0 }, address: { sessions: 0, pending: 0 } },
  bans: { after: 0 },
  loginDelay: 0,
};

/**
 * Starts a server. The user `test` with the password `secret` may log in, unless a `login` listener
 * that `setup` adds has answered before.
 * @param options `host` is 127.0.0.1 unless given; `port` is a free one
 * @param setup adds listeners before the server listens
 */
export async function serve(options: ServeOptions = {}, setup?: (server: Server) => void): Promise<Served> {
  const { fileSystem = new MemoryFileSystem(), mayReinitialize = false, ...given } = options;
  const host = options.host ?? "127.0.0.1";
  const rest = securable(given);
  const tls = mayReinitialize && rest.tls !== undefined && { tls: { ...rest.tls, allowClear: true } };
  const server = new Server({ ...UNBOUNDED, ...(rest.listeners === undefined && { host, port: 0 }), ...rest, ...tls });
  setup?.(server);
  server.on("login", (login) => {
    if (login.username === "test" && login.password === "secret") login.accept({ fileSystem });
  });
  await server.listen();
  const port = server.addresses[0]?.port;
  assert(port, "the server listens nowhere");
  const clients: ScriptedClient[] = [];
  const client = async () => {
    const made = await ScriptedClient.connect(port, host);
    clients.push(made);
    return made;
  };
  return {
    server,
    host,
    port,
    fileSystem,
    client,
    user: async () => (await client()).login(),
    [Symbol.asyncDispose]: () => stop(server, clients),
  };
}

async function stop(server: Server, clients: readonly ScriptedClient[]): Promise<void> {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await within(Promise.resolve(server.close()), "server.close()");
}
