/** A control connection as questions, facts and commands of the host show it. */
import type { Secure } from "../channel/secure.js";
import type { TransferView } from "../transfer/transfer.js";

/**
 * One client: who, from where, what moves.
 * @typeParam Account what the host gave to `login.accept`
 */
export interface SessionView<Account = unknown> {
  /** Unique in this process. */
  readonly id: string;
  /** The name that USER gave; `undefined` before. */
  readonly username: string | undefined;
  /** Whether the client has logged in. */
  readonly admitted: boolean;
  /** What the host gave to `login.accept({ account })`; `undefined` before login. */
  readonly account: Account | undefined;
  /** The client's address; IPv4-mapped IPv6 as IPv4. */
  readonly remoteAddress: string;
  /** The client's port. */
  readonly remotePort: number;
  /** The address that the client connected to; IPv4-mapped IPv6 as IPv4. */
  readonly localAddress: string;
  /** The port that the client connected to. */
  readonly localPort: number;
  /** The trusted proxy that the client came through and that has told its address; `undefined` where it came itself. */
  readonly proxy: string | undefined;
  /** What TLS has agreed on for the control connection; `undefined` while that is in clear. */
  readonly secure: Secure | undefined;
  /** The host that the client came for, by SNI or HOST, in lower case; `undefined` where it named none. */
  readonly host: string | undefined;
  /** The working directory, absolute in the account's file system. */
  readonly cwd: string;
  /** What moves now; `undefined` between transfers. */
  readonly transfer: TransferView | undefined;
  /**
   * Ends the session: a running transfer is aborted (426), then 421 is sent and the connection closed.
   * @param text what the client reads. Default: that the server is going away
   */
  close(text?: string): void;
}

/** The account type of a session type. */
export type AccountOf<Client extends SessionView> = Client extends SessionView<infer Account> ? Account : never;
