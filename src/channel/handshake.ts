/**
 * The server's half of a TLS handshake on a socket that is there already (RFC 4217 §4 and §7: the server of FTP is
 * the server of TLS on data connections too, whoever has connected). Knows no commands and no certificates' files.
 */
import { isIP, type Server, type Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { types } from "node:util";
import { FtpError } from "../errors.js";
import { hostName } from "../wire/host-name.js";
import { bindSessions, endOnTlsError, isVerified } from "./node-tls.js";
import { ignoreError } from "./opening.js";
import { type Secure, secureOf, serverNameOf } from "./secure.js";
import { TlsBridge } from "./tls-bridge.js";
import type { TlsSessions } from "./tls-sessions.js";

/** What a handshake needs, and what it demands. */
export interface HandshakeOptions {
  /** Key and certificate, versions and ciphers, and the keys of session tickets. */
  readonly context: SecureContext;
  /** Only sessions of the same binding are gone on with: where others have the `context` too. At most 32 characters. */
  readonly binding?: string | undefined;
  /** Sessions that can be gone on with by their identifier. */
  readonly sessions: TlsSessions;
  /** The context of a host that the client names (RFC 6066 §3); `undefined` for the one above. A rejection refuses. */
  readonly contextFor?: ((servername: string) => Promise<SecureContext | undefined>) | undefined;
  /** Application protocols, best first; a client that offers others only is refused (RFC 7301 §3.2). */
  readonly protocols: readonly string[];
  /** Whether the client is asked for a certificate. */
  readonly requestCert: boolean;
  /** Whether a certificate that is asked for must be there and verified. */
  readonly rejectUnauthorized: boolean;
  /** Whether the session must be one that was made with `context` before. */
  readonly requireResumption?: boolean;
  /** Milliseconds; 0 waits for ever. */
  readonly timeout: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Whether TLS may end before the socket does, or must show how it ended. */
  readonly bridged: boolean;
  /** Whether only the client will send; needs `bridged`. Default `false`. */
  readonly receives?: boolean;
}

/** A socket under TLS. */
export interface SecuredSocket {
  /** Carries the plaintext. */
  readonly socket: TLSSocket;
  readonly secure: Secure;
  /** Once the end of file is read: what is wrong with it, if it is not the client's own; only where it `receives`. */
  readonly disorder?: () => FtpError | undefined;
  /** Ends TLS, and gives back the socket with what came behind; only where `bridged`. */
  readonly release?: () => Promise<Socket>;
}

const NO_HOST = "the client asks for what is no name of a host";

/** Sees which end of file ends TLS: the one that the client has signed, or the one of the socket below. */
class WatchedSocket extends TLSSocket {
  endedInOrder = false;
  readonly #bridge: TlsBridge;

  constructor(bridge: TlsBridge, options: ConstructorParameters<typeof TLSSocket>[1]) {
    super(bridge, options);
    this.#bridge = bridge;
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    // Told of the end of the bridge, TLS would end because of that.
    if (chunk === null && !this.#bridge.readableEnded) {
      this.endedInOrder = true;
      this.#bridge.conclude();
    }
    return super.push(chunk, encoding);
  }
}

/**
 * Does the handshake. Where it fails, the socket is destroyed.
 * @param socket of which nothing was taken since it was to be secured
 * @throws FtpError `TLS_FAILED`, the reason is in `cause`; `SESSION_NOT_RESUMED`
 */
export async function handshake(socket: Socket, options: HandshakeOptions): Promise<SecuredSocket> {
  if (socket.destroyed) throw new FtpError("TLS_FAILED", "TLS handshake: the client left before it");
  const bridge = options.bridged ? new TlsBridge(socket, options.receives ?? false) : undefined;
  const tls = secured(socket, bridge, options);
  tls.on("error", ignoreError);
  endOnTlsError(tls);
  // What a client may want, it can have by a new connection (RFC 8446 has none; CVE-2009-3555, CVE-2011-1473).
  tls.disableRenegotiation();
  return await new Promise((resolve, reject) => {
    const { timeout, signal } = options;
    const fail = (cause: unknown): void => {
      stop();
      tls.destroy();
      socket.destroy();
      const message = `TLS handshake: ${messageOf(cause)}`;
      reject(cause instanceof FtpError ? cause : new FtpError("TLS_FAILED", message, { cause }));
    };
    const timer = timeout === 0 ? undefined : setTimeout(() => fail(new Error(`not done in ${timeout} ms`)), timeout);
    const gone = (): void => fail(new Error("the client left"));
    const aborted = (): void => fail(signal?.reason);
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      tls.off("error", fail).off("end", gone).off("close", gone).off("secure", done);
      socket.off("end", gone).off("close", gone);
    };
    // Within OpenSSL's callback: TLS can neither be ended nor be destroyed here, and its tickets are not out yet.
    const done = (): void => {
      const objection = objectionTo(tls, options);
      // TLS would still hand out the tickets, and with them what the next handshake asks for.
      if (objection !== undefined) bridge?.silence();
      if (objection !== undefined) return void setImmediate(() => fail(objection));
      stop();
      const result = finished(tls, bridge, options);
      setImmediate(() => resolve(result));
    };
    tls.once("error", fail).once("end", gone).once("close", gone).once("secure", done);
    // An end of file that was read before TLS came is never seen by TLS, but where the bridge tells of it in its turn.
    if (bridge === undefined) socket.once("end", gone).once("close", gone);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
  });
}

function secured(socket: Socket, bridge: TlsBridge | undefined, options: HandshakeOptions): TLSSocket {
  const { context, contextFor, sessions, protocols, requestCert, rejectUnauthorized } = options;
  const tlsOptions: ConstructorParameters<typeof TLSSocket>[1] = {
    isServer: true,
    secureContext: context,
    server: sessions as unknown as Server,
    ALPNProtocols: [...protocols],
    requestCert,
    rejectUnauthorized,
    ...(contextFor !== undefined && {
      SNICallback: (servername: string, answer: (error: Error | null, context?: SecureContext) => void) => {
        if (isIP(servername) !== 0) return answer(null);
        const host = hostName(servername);
        if (host === undefined) return answer(new Error(NO_HOST));
        contextFor(host).then(
          (chosen) => answer(null, chosen),
          (error: unknown) => answer(types.isNativeError(error) ? error : new Error(String(error))),
        );
      },
    }),
  };
  // Read when the socket is made, so that nothing may come in between.
  if (options.binding !== undefined) bindSessions(context, options.binding);
  return bridge === undefined ? new TLSSocket(socket, tlsOptions) : new WatchedSocket(bridge, tlsOptions);
}

/** Why a handshake that TLS is content with is not enough. */
function objectionTo(tls: TLSSocket, options: HandshakeOptions): Error | undefined {
  const { requestCert, rejectUnauthorized, requireResumption } = options;
  const servername = serverNameOf(tls);
  if (servername !== undefined && hostName(servername) === undefined) return new Error(NO_HOST);
  if (requireResumption && !tls.isSessionReused())
    return new FtpError("SESSION_NOT_RESUMED", "TLS handshake: not a session of this control connection");
  if (requestCert && rejectUnauthorized && !isVerified(tls))
    return new Error("no client certificate that can be verified");
  return undefined;
}

function finished(tls: TLSSocket, bridge: TlsBridge | undefined, options: HandshakeOptions): SecuredSocket {
  const secure = secureOf(tls, options.requestCert && isVerified(tls));
  if (!(tls instanceof WatchedSocket) || bridge === undefined) return { socket: tls, secure };
  // TLS 1.2 has sent its tickets before, and has still to say that it is finished.
  if (secure.protocol === "TLSv1.3") bridge.holdBack();
  return {
    socket: tls,
    secure,
    // What is wrong with the end of file does not concern those who send.
    ...(options.receives && { disorder: () => (tls.endedInOrder ? undefined : disorderOf(bridge)) }),
    release: () => release(tls, bridge, options.timeout),
  };
}

/** Ends TLS on both sides, and not the socket (RFC 2228 §3 CCC, RFC 4217 §12.3 and §13). */
async function release(tls: TLSSocket, bridge: TlsBridge, timeout: number): Promise<Socket> {
  bridge.keepSocket();
  // Protected commands behind the one that ends protection: nobody can say on which side of the border they stand.
  const cut = (): void => bridge.cut();
  tls.on("data", cut).on("error", cut).resume();
  tls.end();
  const timer = timeout === 0 ? undefined : setTimeout(cut, timeout);
  const socket = await bridge.release(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return tls.readableEnded;
  });
  clearTimeout(timer);
  tls.destroy();
  if (socket.destroyed) throw new FtpError("TLS_FAILED", "TLS did not end in order");
  return socket;
}

/** Anybody on the way can end a connection; only the client can say that this was all (RFC 8446 §6.1). */
function disorderOf({ failure }: TlsBridge): FtpError {
  if (failure === undefined) return new FtpError("TRUNCATED", "the end of file came without close_notify");
  return new FtpError("DATA_LOST", `data connection: ${failure.message}`, { cause: failure });
}

/** One line: what OpenSSL says holds addresses and files of its source. */
function messageOf(cause: unknown): string {
  if (!types.isNativeError(cause)) return String(cause);
  const { reason, code, message } = cause as Error & { readonly reason?: unknown; readonly code?: unknown };
  const words = typeof reason === "string" ? reason : message.trim();
  return typeof code === "string" ? `${words} (${code})` : words;
}
