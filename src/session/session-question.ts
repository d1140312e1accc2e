/** What every question to the host has in common. */
import { Question } from "../events/question.js";
import { type Reply, reply } from "../wire/reply.js";
import { isReplyCode, type ReplyCode } from "../wire/reply-codes.js";
import type { SessionView } from "./view.js";

/** What every question has: who asks, and `reject`. */
export abstract class SessionQuestion<Client extends SessionView = SessionView> extends Question {
  /** Who asks. */
  readonly session: Client;
  readonly #code: ReplyCode;
  readonly #text: string;
  #refusal: Reply | undefined;

  /** @internal */
  constructor(session: Client, code: ReplyCode, text: string) {
    super();
    this.session = session;
    this.#code = code;
    this.#text = text;
  }

  /**
   * Refuses.
   * @param code a reply code from 400 to 599 (RFC 959 §4.2.1). Default: the question's own. 421 also ends the session
   * @param text what the client reads. Default: a plain refusal
   * @throws RangeError for a code that no RFC defines
   */
  reject(text?: string): void;
  reject(code: number, text?: string): void;
  reject(code: number | string = this.#code, text?: string): void {
    const [chosen, words] = typeof code === "string" ? [this.#code, code] : [code, text];
    if (!isReplyCode(chosen) || chosen < 400)
      throw new RangeError(`code must be a negative reply code from 400 to 599, not ${chosen}`);
    if (this.answer()) this.#refusal = reply(chosen, words ?? this.#text);
  }

  /** The reply of a refusal; `undefined` where nobody refused. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** The reply for a listener that failed. @internal */
  get ownRefusal(): Reply {
    return reply(this.#code, this.#text);
  }
}
