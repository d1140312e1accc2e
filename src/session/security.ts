/**
 * The protection of one session (RFC 2228, RFC 4217): whether its control connection is under TLS, what its data
 * connections are to be, and what is demanded. Drives handshakes; knows no replies.
 */
import type { Socket } from "node:net";
import type { ControlChannel } from "../channel/control-channel.js";
import type { Credentials, Identity } from "../channel/credentials.js";
import { handshake, type SecuredSocket } from "../channel/handshake.js";
import type { Secure } from "../channel/secure.js";
import { FtpError } from "../errors.js";
import { requires, type TlsRequirement } from "./requirement.js";

/** What a session is told about TLS when it begins. */
export interface SecurityOptions {
  /** The certificates of now; `undefined` for a server without TLS. */
  readonly credentials: () => Credentials | undefined;
  /** Whether TLS comes before the first reply. */
  readonly implicit: boolean;
  /** What is required of everybody here. */
  readonly require: TlsRequirement;
  /** Whether CCC and REIN may end TLS. */
  readonly allowClear: boolean;
}

/** Protection of data: `C`, clear, or `P`, private (RFC 2228 §3). */
export type ProtectionLevel = "C" | "P";

/** The protection of one session. */
export class Security {
  readonly options: SecurityOptions;
  /** PROT: what data connections are to be. */
  level: ProtectionLevel = "C";
  /** What the account requires, besides what the server does. */
  accountRequires: TlsRequirement = "none";
  /** The host that the client came for: what SNI named, else what HOST did; in lower case. */
  host: string | undefined;
  readonly #control: ControlChannel;
  #identity: Identity | undefined;
  #secured: SecuredSocket | undefined;
  /** Of the client's certificate. */
  #fingerprint: string | undefined;
  #servername: string | undefined;

  constructor(control: ControlChannel, options: SecurityOptions) {
    this.#control = control;
    this.options = options;
  }

  /** Whether there are certificates. */
  get available(): boolean {
    return this.options.credentials() !== undefined;
  }

  /** What TLS has agreed on for the control connection; `undefined` while that is in clear. */
  get secure(): Secure | undefined {
    return this.#secured?.secure;
  }

  /** Whether AUTH or an implicit listener has brought TLS; CCC ends it for the control connection only. */
  get negotiated(): boolean {
    return this.#identity !== undefined;
  }

  /** Whether a user may be named now. */
  get forbidsLogin(): boolean {
    return this.lacks("login", this.options.require);
  }

  /** Whether data connections as PROT has them must not be. */
  get forbidsData(): boolean {
    return this.lacks("data", this.options.require) || this.lacks("data", this.accountRequires);
  }

  /** Whether a requirement is not met as things stand. */
  lacks(what: "login" | "data", requirement: TlsRequirement): boolean {
    const met = what === "login" ? this.#secured !== undefined : this.level === "P";
    return requires(requirement, what) && !met;
  }

  /** Whether data connections are put under TLS. */
  get protectsData(): boolean {
    return this.level === "P" && this.#identity !== undefined;
  }

  /** Whether clear data connections are out of the question. */
  get requiresPrivateData(): boolean {
    return requires(this.options.require, "data") || requires(this.accountRequires, "data");
  }

  /** Whether somebody who has logged in may go on in clear. */
  get mayClear(): boolean {
    return this.options.allowClear && this.options.require !== "all" && this.accountRequires !== "all";
  }

  /** Whether the client may say that it came for a host: not for another than it said to TLS (RFC 7151 §3.2.2). */
  allowsHost(host: string): boolean {
    return this.#servername === undefined || this.#servername === host;
  }

  /**
   * Puts the control connection under TLS.
   * @throws FtpError `TLS_FAILED`; the connection is cut
   */
  async protectControl(level: ProtectionLevel): Promise<void> {
    await this.#control.cross(async (socket) => {
      const credentials = this.options.credentials();
      if (credentials === undefined) throw new FtpError("TLS_FAILED", "no certificate");
      this.#identity = await credentials.forControl(this.host);
      const secured = await handshake(socket, this.#identity.control(this.options.allowClear));
      const { resumed, servername, protocol } = secured.secure;
      this.#identity.settle(protocol);
      // Only the context of a host that HOST has named has keys for tickets that others have too, and who resumes is not
      // asked for its name: it has to be that one.
      if (resumed && servername !== undefined && servername !== this.host)
        throw new FtpError("TLS_FAILED", "TLS handshake: a session of another host");
      this.#secured = secured;
      return secured.socket;
    });
    this.level = level;
    this.#fingerprint = this.secure?.certificate?.fingerprint256;
    this.#servername = this.secure?.servername;
    this.host = this.#servername ?? this.host;
  }

  /** Ends TLS on the control connection; data connections go on as they are (RFC 4217 §12.3). */
  async clearControl(): Promise<void> {
    await this.#control.cross(async () => {
      const socket = await this.#secured?.release?.();
      if (socket === undefined) throw new FtpError("TLS_FAILED", "TLS cannot be ended here");
      this.#secured = undefined;
      return socket;
    });
  }

  /**
   * Puts a data connection under TLS if it is to be.
   * @param receives whether the client sends: then it must also show how it ends
   * @throws FtpError `TLS_FAILED`, `SESSION_NOT_RESUMED`, `OTHER_CERTIFICATE`; the socket is destroyed
   */
  async protectData(socket: Socket, receives: boolean, signal: AbortSignal): Promise<SecuredSocket | undefined> {
    if (this.level === "C" || this.#identity === undefined) return undefined;
    const secured = await handshake(socket, this.#identity.data(receives, signal));
    const known = this.#fingerprint;
    if (known === undefined || secured.secure.certificate?.fingerprint256 === known) return secured;
    socket.destroy();
    secured.socket.destroy();
    throw new FtpError(
      "TLS_FAILED",
      "the data connection shows another client certificate than the control connection",
    );
  }

  /** Forgets what was negotiated, once the control connection is in clear (REIN, RFC 4217 §13). */
  reset(): void {
    this.level = "C";
    this.host = undefined;
    this.#identity = undefined;
    this.#fingerprint = undefined;
    this.#servername = undefined;
  }
}
