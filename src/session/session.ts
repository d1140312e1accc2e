/** One control connection as the host sees it: who, from where, what moves, and the events of this client alone. */
import type { Secure } from "../channel/secure.js";
import { Emitter, type ListenerError } from "../events/emitter.js";
import type { TransferView } from "../transfer/transfer.js";
import type { SessionEvents } from "./events.js";
import type { Who } from "./state.js";
import type { SessionView } from "./view.js";

/** What a session shows of the dialogue behind it. */
export interface SessionBacking {
  readonly state: { readonly who: Who; readonly directory: string };
  readonly control: Pick<SessionView, "remoteAddress" | "remotePort" | "localAddress" | "localPort" | "proxy">;
  readonly security: { readonly secure: Secure | undefined; readonly host: string | undefined };
  readonly transfer: TransferView | undefined;
  end(ending: { readonly text?: string | undefined }): void;
  report(error: unknown): void;
}

let sessions = 0;

/**
 * One client. Emits what the server emits, for this client only; its listeners are asked before the server's.
 * @typeParam Account what the host gave to `login.accept`
 */
export class Session<Account = unknown>
  extends Emitter<SessionEvents<Session<Account>>>
  implements SessionView<Account>
{
  /** Unique in this process. */
  readonly id: string;
  readonly #dialogue: SessionBacking;

  /** @internal */
  constructor(dialogue: SessionBacking) {
    super();
    this.#dialogue = dialogue;
    this.id = String(++sessions);
  }

  /** The name that USER gave; `undefined` before. */
  get username(): string | undefined {
    const { who } = this.#dialogue.state;
    return who.stage === "greeted" ? undefined : who.username;
  }

  /** Whether the client has logged in. */
  get admitted(): boolean {
    return this.#dialogue.state.who.stage === "admitted";
  }

  /** What the host gave to `login.accept({ account })`; `undefined` before login. */
  get account(): Account | undefined {
    const { who } = this.#dialogue.state;
    return who.stage === "admitted" ? (who.account as Account | undefined) : undefined;
  }

  /** The client's address; IPv4-mapped IPv6 as IPv4. */
  get remoteAddress(): string {
    return this.#dialogue.control.remoteAddress;
  }

  get remotePort(): number {
    return this.#dialogue.control.remotePort;
  }

  /** The address that the client connected to; IPv4-mapped IPv6 as IPv4. */
  get localAddress(): string {
    return this.#dialogue.control.localAddress;
  }

  get localPort(): number {
    return this.#dialogue.control.localPort;
  }

  /** The trusted proxy that the client came through and that has told its address; `undefined` where it came itself. */
  get proxy(): string | undefined {
    return this.#dialogue.control.proxy;
  }

  /** What TLS has agreed on for the control connection; `undefined` while that is in clear. */
  get secure(): Secure | undefined {
    return this.#dialogue.security.secure;
  }

  /** The host that the client came for, by SNI or HOST, in lower case; `undefined` where it named none. */
  get host(): string | undefined {
    return this.#dialogue.security.host;
  }

  /** The working directory, absolute in the account's file system. */
  get cwd(): string {
    return this.#dialogue.state.directory;
  }

  /** What moves now; `undefined` between transfers. */
  get transfer(): TransferView | undefined {
    return this.#dialogue.transfer;
  }

  /**
   * Ends the session: a running transfer is aborted (426), then 421 is sent and the connection closed.
   * @param text what the client reads. Default: that the server is going away
   */
  close(text?: string): void {
    this.#dialogue.end({ text });
  }

  /** @internal */
  protected override failed(error: ListenerError): void {
    // A listener of "error" that fails has nobody left to tell.
    if (error.event !== "error") this.#dialogue.report(error);
  }
}
