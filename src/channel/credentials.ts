/**
 * What a server proves itself with, and what it demands of clients: one generation of certificates. A control
 * connection keeps the generation that it began with, and its data connections with it.
 */
import { randomBytes } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { FtpError } from "../errors.js";
import { inTime } from "../events/deadline.js";
import type { HandshakeOptions } from "./handshake.js";
import { bindSessions } from "./node-tls.js";
import { TlsSessions } from "./tls-sessions.js";

/** A generation of certificates. */
export interface CredentialsOptions {
  /** In the words of Node's `tls.createSecureContext`. */
  readonly context: SecureContextOptions;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  /** Whether data connections must go on with the TLS session of their control connection. */
  readonly requireSessionReuse: boolean;
  /** Milliseconds; 0 waits for ever. */
  readonly handshakeTimeout: number;
  /** The context of a host (RFC 6066 §3); `undefined` for the one above. */
  readonly sni?: ((servername: string) => SecureContext | undefined | Promise<SecureContext | undefined>) | undefined;
}

/** What the control connection offers (IANA registry of ALPN); data connections have a name of their own in practice. */
const CONTROL_PROTOCOLS = ["ftp"];
const DATA_PROTOCOLS = ["ftp-data", "ftp"];
/** Bytes of the keys of session tickets. */
const TICKET_KEYS = 48;
/** Sessions are resumed by servers of one name only; OpenSSL wants it where clients have certificates. */
const SESSION_ID_CONTEXT = "portside";
/** How long a session can be resumed, in seconds: a control connection with data connections may live for long. */
const SESSION_SECONDS = 86_400;

/** Bytes of the name of a control connection's sessions; OpenSSL takes 32 characters. */
const BINDING = 16;
/** How long control connections that begin share a context, in milliseconds: its keys are not to be old. */
const SHARED_MS = 600_000;

/** One generation of certificates. */
export class Credentials {
  readonly options: CredentialsOptions;
  /** A context is what costs most under TLS, in memory and time. */
  #shared: { readonly context: SecureContext; readonly until: number } | undefined;

  /** @throws Error of OpenSSL where key and certificate cannot be used */
  constructor(options: CredentialsOptions) {
    this.options = options;
    contextOf(options.context, randomBytes(TICKET_KEYS));
  }

  /**
   * What one control connection and its data connections shake hands with.
   * @param host that the client has named by HOST (RFC 7151 §3.2.2), for a client that names none to TLS
   * @throws FtpError `TLS_FAILED` where there is to be no certificate for the host
   */
  async forControl(host: string | undefined): Promise<Identity> {
    const { context, requestCert, requireSessionReuse } = this.options;
    const binding = randomBytes(BINDING).toString("hex");
    const shared = this.#mayShare ? this.#sharedContext() : undefined;
    if (shared !== undefined && bindSessions(shared, binding)) return new Identity(this, shared, binding);
    // A context of a host has no keys of its own for tickets, and not what resuming with client certificates needs.
    const named = requestCert || requireSessionReuse ? undefined : await this.#contextFor(host);
    // Keys that no other control connection has: a session that is resumed is not asked for its host again, nor is its
    // certificate verified by what that host trusts. Data connections go on with it; other control connections do not.
    return new Identity(this, named ?? contextOf(context, randomBytes(TICKET_KEYS)));
  }

  /** Where all are shown the same certificate, nobody is asked for one, and any data connection will do. */
  get #mayShare(): boolean {
    const { sni, requestCert, requireSessionReuse } = this.options;
    return sni === undefined && !requestCert && !requireSessionReuse;
  }

  #sharedContext(): SecureContext {
    const now = performance.now();
    if (this.#shared === undefined || this.#shared.until < now) {
      const context = contextOf(this.options.context, randomBytes(TICKET_KEYS));
      this.#shared = { context, until: now + SHARED_MS };
    }
    return this.#shared.context;
  }

  async #contextFor(host: string | undefined): Promise<SecureContext | undefined> {
    const { sni, handshakeTimeout } = this.options;
    if (host === undefined || sni === undefined) return undefined;
    const late = (): Error => new Error(`no certificate in ${handshakeTimeout} ms`);
    try {
      return checked(await inTime(Promise.resolve(sni(host)), handshakeTimeout, late));
    } catch (cause) {
      throw new FtpError("TLS_FAILED", "TLS handshake: no certificate for the host", { cause });
    }
  }
}

/** The credentials of one control connection. */
export class Identity {
  readonly credentials: Credentials;
  readonly #context: SecureContext;
  /** What tells its sessions from those of others that have the context too. */
  readonly #binding: string | undefined;
  readonly #sessions = new TlsSessions();
  /** The certificate that the control connection has shown, where the client named a host to TLS. */
  #named: SecureContext | undefined;

  /** @internal */
  constructor(credentials: Credentials, context: SecureContext, binding?: string) {
    this.credentials = credentials;
    this.#context = context;
    this.#binding = binding;
  }

  /** The control connection is under TLS. @param protocol e.g. `TLSv1.3`, which has tickets for all */
  settle(protocol: string): void {
    if (protocol === "TLSv1.3") this.#sessions.forget();
  }

  /** How the control connection shakes hands. */
  control(bridged: boolean): HandshakeOptions {
    const { sni } = this.credentials.options;
    const contextFor = async (servername: string): Promise<SecureContext | undefined> => {
      this.#named = checked(await sni?.(servername));
      return this.#named;
    };
    return { ...this.#common(), contextFor: sni && contextFor, protocols: CONTROL_PROTOCOLS, bridged };
  }

  /**
   * How a data connection shakes hands: with the certificate of the control connection.
   * @param receives whether the client sends
   */
  data(receives: boolean, signal: AbortSignal): HandshakeOptions {
    this.#sessions.seal();
    const { requireSessionReuse } = this.credentials.options;
    const contextFor = (): Promise<SecureContext | undefined> => Promise.resolve(this.#named);
    return {
      ...this.#common(),
      contextFor: this.#named && contextFor,
      protocols: DATA_PROTOCOLS,
      requireResumption: requireSessionReuse,
      // Without a bridge TLS would hand out tickets before anybody can object.
      bridged: receives || requireSessionReuse,
      receives,
      signal,
    };
  }

  #common() {
    const { requestCert, rejectUnauthorized, handshakeTimeout } = this.credentials.options;
    return {
      context: this.#context,
      binding: this.#binding,
      sessions: this.#sessions,
      requestCert,
      rejectUnauthorized,
      timeout: handshakeTimeout,
    };
  }
}

/** Node takes what is no context for none, and shows the certificate of another host. */
function checked(chosen: SecureContext | undefined): SecureContext | undefined {
  if (chosen === undefined || typeof chosen.context === "object") return chosen;
  throw new TypeError("tls.sni must give a context of tls.createSecureContext, or undefined");
}

function contextOf(options: SecureContextOptions, ticketKeys: Buffer): SecureContext {
  return createSecureContext({
    sessionIdContext: SESSION_ID_CONTEXT,
    sessionTimeout: SESSION_SECONDS,
    honorCipherOrder: true,
    ...options,
    ticketKeys,
  });
}
