/** Questions about who a client is: login by password, login by certificate, and the host that it came for. */
import type { X509Certificate } from "node:crypto";
import { checkLimits, type Limits } from "../limits/limits.js";
import { FileSystem } from "../storage/file-system.js";
import { type Permission, restricted } from "../storage/restricted.js";
import { type VirtualPath, virtualPath } from "../wire/virtual-path.js";
import { checkRequirement, type TlsRequirement } from "./requirement.js";
import { SessionQuestion } from "./session-question.js";
import type { AccountOf, SessionView } from "./view.js";

/** What a login brings. */
export interface Admission<Account = unknown> {
  /** Where this account's files live. */
  readonly fileSystem: FileSystem;
  /** Whatever the host wants to find again as `session.account`. */
  readonly account?: Account | undefined;
  /** What the account may do. Default: all that the store can. */
  readonly permissions?: Iterable<Permission> | undefined;
  /** The directory that the session begins in, absolute. Default `/`. */
  readonly directory?: string | undefined;
  /** What this account needs TLS for, besides what the server does. Default `none`. Where the login needs it, 530. */
  readonly requireTls?: TlsRequirement | undefined;
  /** The bounds that all sessions of this user name share. Default: `limits.account` of the server. */
  readonly limits?: Limits | undefined;
}

/** An admission as the session uses it. */
export interface Admitted {
  /** With the permissions applied. */
  readonly fileSystem: FileSystem;
  /** Whatever the host gave. */
  readonly account: unknown;
  /** Where the session begins. */
  readonly directory: VirtualPath;
  /** What the account needs TLS for. */
  readonly requireTls: TlsRequirement;
  /** The bounds of the account, where they are its own. */
  readonly limits: Limits | undefined;
}

/** Somebody wants to log in. */
export abstract class AdmissionQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** What USER gave. */
  readonly username: string;
  #admitted: Admitted | undefined;

  /** @internal */
  constructor(session: Client, text: string, username: string) {
    super(session, 530, text);
    this.username = username;
  }

  /** The client's address, IPv4-mapped IPv6 as IPv4. */
  get remoteAddress(): string {
    return this.session.remoteAddress;
  }

  /** The host that the client came for, by HOST or by SNI, in lower case; `undefined` where it named none. */
  get host(): string | undefined {
    return this.session.host;
  }

  /** The certificate of the client, verified by `tls.ca`, or by that of the context which `tls.sni` gave; `undefined` for one that is not: see `session.secure`. */
  get certificate(): X509Certificate | undefined {
    const { secure } = this.session;
    return secure?.authorized ? secure.certificate : undefined;
  }

  /**
   * Logs the client in.
   * @throws TypeError without a file system or with a `requireTls` that does not exist, RangeError for a permission that
   * does not exist, FtpError `BAD_PATH` for a directory that is no path
   */
  accept(admission: Admission<AccountOf<Client>>): void {
    const { fileSystem, account, permissions, directory, requireTls, limits } = admission;
    if (!(fileSystem instanceof FileSystem))
      throw new TypeError("accept needs a fileSystem, an object that extends FileSystem");
    const allowed = permissions === undefined ? fileSystem : restricted(fileSystem, permissions);
    const admitted = {
      fileSystem: allowed,
      account,
      directory: virtualPath(directory ?? "/"),
      requireTls: checkRequirement("requireTls", requireTls) ?? "none",
      limits: limits === undefined ? undefined : checkLimits("limits", limits),
    };
    if (this.answer()) this.#admitted = admitted;
  }

  /** What `accept` was given. @internal */
  get admitted(): Admitted | undefined {
    return this.#admitted;
  }
}

/** USER and PASS have come (RFC 959 §4.1.1). Unanswered means refused. */
export class LoginQuestion<Client extends SessionView = SessionView> extends AdmissionQuestion<Client> {
  /** What PASS gave; may be empty. */
  readonly password: string;
  /** What ACCT brought, after `requireAccount`. */
  readonly accountInfo: string | undefined;
  #accountRequired = false;

  /** @internal */
  constructor(session: Client, text: string, login: Pick<LoginQuestion, "username" | "password" | "accountInfo">) {
    super(session, text, login.username);
    this.password = login.password;
    this.accountInfo = login.accountInfo;
  }

  /** Asks for ACCT (332); the question is asked again with `accountInfo`. */
  requireAccount(): void {
    if (this.answer()) this.#accountRequired = true;
  }

  /** Whether `requireAccount` was the answer. @internal */
  get accountRequired(): boolean {
    return this.#accountRequired;
  }
}

/**
 * USER has come from a client whose certificate is verified: may it do without a password (232, RFC 4217 §10.1)?
 * Unanswered means no: PASS is asked for, and then `login`.
 */
export class CertificateQuestion<Client extends SessionView = SessionView> extends AdmissionQuestion<Client> {
  /** The certificate of the client: `fingerprint256`, `subject`, `issuer`, `subjectAltName`. */
  override get certificate(): X509Certificate {
    return super.certificate as X509Certificate;
  }
}

/**
 * The client has named a host, before any login: by HOST (RFC 7151 §3; rejecting answers 504), or to TLS (SNI, RFC 6066
 * §3; rejecting ends the session with 421). Unheard, every host is served alike.
 */
export class HostQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** A domain name in lower case and ASCII (punycode), or an IP address without brackets. */
  readonly host: string;

  /** @internal */
  constructor(session: Client, text: string, host: string) {
    super(session, 504, text);
    this.host = host;
  }

  /** Takes the client to that host without asking further listeners. */
  accept(): void {
    this.answer();
  }
}
