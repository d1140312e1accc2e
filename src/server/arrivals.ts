/**
 * Connections before they are sessions: the header of a trusted proxy first, then the lists. Who is not let in reads a
 * 421, or nothing where TLS or a header should have come first, and is nobody's session. Knows no commands.
 */
import type { Socket } from "node:net";
import { ControlChannel, type ControlChannelOptions } from "../channel/control-channel.js";
import { endpointsOf, remoteAddressOf, UNKNOWN_ADDRESS } from "../channel/endpoints.js";
import { ignoreError } from "../channel/opening.js";
import { FtpError } from "../errors.js";
import { Allowance } from "../limits/allowance.js";
import type { Reached } from "../limits/limits.js";
import type { RefusedFact } from "../session/events.js";
import { CATALOGUE, DEFAULT_LANGUAGE } from "../session/texts.js";
import { encodeReply, reply } from "../wire/reply.js";
import type { Entrance } from "./entrance.js";

/** Why a client may not come in now: a ban, or a bound that is reached. */
export type Closed = "banned" | Reached;

/** Clients that read why they may not come in; of more, those who have had the longest time for it are cut. */
const MOST_LEAVING = 256;

/** What becomes of connections. */
export interface ArrivalHooks<Where> {
  /** Counts a client in, or says why not. */
  enter(address: string, place: Where): Allowance | Closed | Promise<Allowance | Closed>;
  /** Counts a client out that has gone meanwhile. */
  leave(address: string, allowance: Allowance): void;
  admit(socket: Socket, place: Where, allowance: Allowance): void;
  refused(fact: RefusedFact): void;
}

/** The connections of a server that are no sessions yet, or never will be. */
export class Arrivals<Where extends { readonly entrance: Entrance; readonly implicitTls: boolean }> {
  readonly #options: ControlChannelOptions;
  readonly #hooks: ArrivalHooks<Where>;
  readonly #waiting = new Set<Socket>();
  readonly #leaving = new Set<Socket>();
  #closed = false;

  constructor(options: ControlChannelOptions, hooks: ArrivalHooks<Where>) {
    this.#options = options;
    this.#hooks = hooks;
  }

  /** Sees who it is: at once where no proxy is in front, so that this costs nothing there. */
  meet(socket: Socket, place: Where): void {
    const { isOpen, proxies } = place.entrance;
    if (isOpen) return this.#enter(socket, place);
    if (proxies?.trusted.relays(socket) === true) return void this.#listen(socket, place, proxies.trusted.meet(socket));
    if (proxies?.required === true) return this.#cut(socket, new FtpError("BAD_PROXY_HEADER", "not from a proxy"));
    this.#look(socket, place);
  }

  /** Cuts whoever has not been let in. */
  close(): void {
    this.#closed = true;
    for (const socket of [...this.#waiting, ...this.#leaving]) socket.destroy();
  }

  async #listen(socket: Socket, place: Where, header: Promise<void>): Promise<void> {
    this.#waiting.add(socket);
    const error = await header.catch((reason: unknown) => reason as FtpError);
    this.#waiting.delete(socket);
    if (error instanceof FtpError) this.#cut(socket, error);
    else this.#look(socket, place);
  }

  #look(socket: Socket, place: Where): void {
    const list = place.entrance.refusal(remoteAddressOf(socket));
    if (list === undefined) return this.#enter(socket, place);
    this.#sendAway(socket, place, factOf(socket, list), "notWelcome");
  }

  #enter(socket: Socket, place: Where): void {
    const address = remoteAddressOf(socket) ?? UNKNOWN_ADDRESS;
    const answer = this.#hooks.enter(address, place);
    if (!(answer instanceof Promise)) return this.#decide(socket, place, answer);
    this.#waiting.add(socket.on("error", ignoreError));
    void answer.then((known) => {
      this.#waiting.delete(socket);
      if (!socket.destroyed) return this.#decide(socket, place, known);
      if (known instanceof Allowance) this.#hooks.leave(address, known);
    });
  }

  #decide(socket: Socket, place: Where, answer: Allowance | Closed): void {
    if (answer instanceof Allowance) return this.#hooks.admit(socket, place, answer);
    const reason = answer === "banned" ? answer : "limit";
    const fact = { ...factOf(socket, reason), reached: answer === "banned" ? undefined : answer };
    this.#sendAway(socket, place, fact, answer === "banned" ? "notWelcome" : "tooManyConnections");
  }

  #sendAway(
    socket: Socket,
    { implicitTls }: Where,
    fact: RefusedFact,
    text: "notWelcome" | "tooManyConnections",
  ): void {
    const control = new ControlChannel(socket, this.#options);
    if (!implicitTls) control.send(encodeReply(reply(421, CATALOGUE.get(DEFAULT_LANGUAGE)?.[text] ?? "")));
    control.finish();
    this.#leaving.add(socket);
    void control.closed.then(() => this.#leaving.delete(socket));
    if (this.#leaving.size > MOST_LEAVING) this.#cutOldest();
    this.#hooks.refused(fact);
  }

  #cutOldest(): void {
    const [oldest] = this.#leaving;
    if (oldest === undefined) return;
    this.#leaving.delete(oldest);
    oldest.destroy();
  }

  #cut(socket: Socket, error: FtpError): void {
    const fact = factOf(socket, "proxy", error);
    socket.on("error", ignoreError).destroy();
    // Where we have ended it ourselves, nobody was refused.
    if (!this.#closed) this.#hooks.refused(fact);
  }
}

function factOf(socket: Socket, reason: RefusedFact["reason"], error?: FtpError): RefusedFact {
  return { ...endpointsOf(socket), reason, error, reached: undefined };
}
