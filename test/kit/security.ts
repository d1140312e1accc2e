/**
 * TLS for test clients and their servers: in clear unless `useTls` has been called, so that a whole suite runs again
 * over TLS as it stands. Knows no replies.
 */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import type { ServerOptions } from "../../dist/index.js";
import { type TestCertificates, testCertificates } from "./certificates.js";
import { within } from "./temporary.js";

/** The versions that are in use. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How clients get under TLS in this process. */
export interface TlsMode {
  /** From the first byte on, or by AUTH TLS. */
  readonly implicit: boolean;
  readonly version: TlsVersion;
}

interface Chosen extends TlsMode {
  readonly certificates: TestCertificates;
}

let chosen: Chosen | undefined;

/** From now on every client of this process is under TLS, and every server that is asked for here can be. */
export async function useTls(mode: TlsMode): Promise<void> {
  chosen = { ...mode, certificates: await testCertificates() };
}

/** How clients get under TLS; `undefined` in clear. */
export function tlsMode(): TlsMode | undefined {
  return chosen;
}

/** Options of a server that has TLS where its clients want it; at every place where it listens. */
export function securable(options: ServerOptions = {}): ServerOptions {
  if (chosen === undefined) return options;
  const { implicit: implicitTls, certificates } = chosen;
  const tls = { ...certificates.server, ...options.tls };
  const { listeners } = options;
  if (listeners === undefined) return { implicitTls, ...options, tls };
  return { ...options, tls, listeners: listeners.map((place) => ({ implicitTls, ...place })) };
}

/** For the option `skip` of tests that mean nothing under TLS: the reason, or `false` in clear. */
export function underTls(reason: string): string | false {
  return chosen !== undefined && `under TLS: ${reason}`;
}

/** For the option `skip` of tests that mean nothing where TLS never ends. */
export function underImplicitTls(reason: string): string | false {
  return chosen?.implicit === true && `under implicit TLS: ${reason}`;
}

/** The replies that there are besides `codes` where a data connection is under TLS and may break in the handshake. */
export function orHandshake(...codes: number[]): number[] {
  return chosen === undefined ? codes : [...codes, 522];
}

/** Verbs that only a client says that gets under TLS; what hosts are told of them is no matter of the test's. */
export function isNegotiation(verb: string | undefined): boolean {
  return chosen !== undefined && ["AUTH", "PBSZ", "PROT"].includes(verb ?? "");
}

const contexts = new Map<TlsVersion, tls.SecureContext>();

async function contextOf(version: TlsVersion): Promise<tls.SecureContext> {
  const { ca } = await testCertificates();
  const known = contexts.get(version);
  if (known !== undefined) return known;
  const context = tls.createSecureContext({ ca: ca.cert, minVersion: version, maxVersion: version });
  contexts.set(version, context);
  return context;
}

/** What a client has agreed on for its control connection, and its data connections need. */
export interface ClientTls {
  readonly version: TlsVersion;
  readonly context: tls.SecureContext;
  /** The session of the control connection, for data connections to go on with. */
  session: Buffer | undefined;
}

/** How a client shakes hands. */
export interface ClientTlsOptions {
  readonly version: TlsVersion;
  /** The host that it names (SNI). Default: none. */
  readonly servername?: string;
}

/** A control connection under TLS, and a way back. */
export interface SecuredControl {
  readonly tls: ClientTls;
  readonly socket: tls.TLSSocket;
  /** Answers the server's close_notify with one, and gives the socket back. */
  release(): Promise<Socket>;
}

/** Shakes hands on a control connection; resolves to a client of TLS whether the handshake succeeds or not, see `shaken`. */
export async function secureControl(
  raw: Socket,
  { version, servername }: ClientTlsOptions,
  attach: (socket: tls.TLSSocket) => void,
): Promise<SecuredControl> {
  const context = await contextOf(version);
  const relay = new Relay(raw);
  const name = servername === undefined ? {} : { servername, checkServerIdentity: () => undefined };
  const socket = tls.connect({ socket: relay, secureContext: context, ...name });
  const client: ClientTls = { version, context, session: undefined };
  socket.on("session", (session) => {
    client.session = session;
  });
  attach(socket);
  await shaken(socket);
  return { tls: client, socket, release: () => release(socket, relay) };
}

async function release(socket: tls.TLSSocket, relay: Relay): Promise<Socket> {
  relay.keepSocket();
  const over = new Promise<void>((resolve) => {
    if (socket.readableEnded && socket.writableFinished) return resolve();
    const look = () => socket.readableEnded && socket.writableFinished && resolve();
    socket.on("end", look).on("finish", look).on("close", resolve);
  });
  socket.end();
  await within(over, "the end of TLS");
  return relay.letGo();
}

/** The sockets below data connections under TLS, and whether their handshakes are done. */
const below = new WeakMap<Socket, { readonly raw: Socket; readonly done: Promise<void> }>();

/** A data connection under TLS. The handshake has begun; its end is `shaken`. */
export function secureData(raw: Socket, { context, session }: ClientTls): tls.TLSSocket {
  const socket = tls.connect({ socket: raw, secureContext: context, ...(session && { session }) });
  socket.on("error", () => undefined);
  const done = handshakeOf(socket);
  done.catch(() => undefined);
  below.set(socket, { raw, done });
  // Node would end the socket below although the handshake runs: what is said to be the end comes behind it.
  const final = socket._final.bind(socket);
  let shaking = true;
  socket.once("secureConnect", () => {
    shaking = false;
  });
  socket._final = (callback) => {
    if (shaking) socket.once("secureConnect", () => final(callback));
    else final(callback);
  };
  return socket;
}

/** The socket that the system knows. */
export function rawOf(socket: Socket): Socket {
  return below.get(socket)?.raw ?? socket;
}

/** Resolves when the handshake is done; at once in clear. @throws Error where it fails */
export function shaken(socket: Socket): Promise<void> {
  const { done } = below.get(socket) ?? { done: socket instanceof tls.TLSSocket ? handshakeOf(socket) : undefined };
  return within(done ?? Promise.resolve(), "the handshake");
}

function handshakeOf(socket: tls.TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed in the handshake")));
  });
}

/** Stands between TLS and a socket, so that TLS can end and the socket go on (CCC, REIN). */
class Relay extends Duplex {
  readonly #socket: Socket;
  #keeps = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
  }

  /** From now on the end of TLS is not the end of the socket. */
  keepSocket(): void {
    this.#keeps = true;
  }

  letGo(): Socket {
    const socket = this.#socket;
    socket.pause();
    socket.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onError).off("close", this.#onClose);
    this.destroy();
    return socket;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    if (this.#keeps) done();
    else this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#keeps) this.#socket.destroy();
    done(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#socket.pause();
  };
  readonly #onEnd = (): void => void this.push(null);
  readonly #onError = (error: Error): void => void this.destroy(error);
  readonly #onClose = (): void => void this.destroy();
}
