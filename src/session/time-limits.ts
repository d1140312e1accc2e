/** The two clocks of a control connection: one until login, one between commands (RFC 1123 §4.1.3.2). */

export class TimeLimits {
  readonly #expire: (why: "login" | "idle") => void;
  readonly #login: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #idleMilliseconds: number;

  /**
   * @param limits milliseconds, 0 is off
   * @param expire called once for each limit that runs out
   */
  constructor(limits: { readonly login: number; readonly idle: number }, expire: (why: "login" | "idle") => void) {
    this.#expire = expire;
    this.#idleMilliseconds = limits.idle;
    if (limits.login > 0) this.#login = setTimeout(() => this.#expire("login"), limits.login);
  }

  /** The login is done: from now on idle time counts. Bytes alone never stop the login clock. */
  admitted(): void {
    clearTimeout(this.#login);
    this.idleMilliseconds = this.#idleMilliseconds;
  }

  /** A command has come or been answered. */
  touch(): void {
    this.#idle?.refresh();
  }

  /** The limit between commands in milliseconds; 0 is off. */
  get idleMilliseconds(): number {
    return this.#idleMilliseconds;
  }

  set idleMilliseconds(limit: number) {
    clearTimeout(this.#idle);
    this.#idleMilliseconds = limit;
    if (limit > 0) this.#idle = setTimeout(() => this.#expire("idle"), limit);
  }

  clear(): void {
    clearTimeout(this.#login);
    clearTimeout(this.#idle);
  }
}
