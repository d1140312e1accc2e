/** The two clocks of a control connection: one until login, one between commands (RFC 1123 §4.1.3.2). */

interface Limits {
  readonly loginTimeout: number;
  readonly idleTimeout: number;
}

/** The clocks of one session. */
export class TimeLimits {
  readonly #limits: Limits;
  readonly #expire: (why: "login" | "idle") => void;
  #login: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  #idleMilliseconds: number;
  #over = false;

  /**
   * @param limits milliseconds, 0 is off
   * @param expire called when a limit runs out
   */
  constructor(limits: Limits, expire: (why: "login" | "idle") => void) {
    this.#limits = limits;
    this.#expire = expire;
    this.#idleMilliseconds = limits.idleTimeout;
    this.restart();
  }

  /** Nobody is logged in, at first or again. Bytes alone never stop the login clock; without one, idle time counts. */
  restart(): void {
    this.#stop();
    const { loginTimeout, idleTimeout } = this.#limits;
    this.#idleMilliseconds = idleTimeout;
    if (loginTimeout > 0 && !this.#over) this.#login = setTimeout(() => this.#expire("login"), loginTimeout);
    else this.idleMilliseconds = idleTimeout;
  }

  /** The login is done: from now on idle time counts. */
  admitted(): void {
    clearTimeout(this.#login);
    this.#login = undefined;
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
    if (limit > 0 && !this.#over) this.#idle = setTimeout(() => this.#expire("idle"), limit);
  }

  /** No clock runs any more, whatever is called. */
  clear(): void {
    this.#over = true;
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#login);
    clearTimeout(this.#idle);
    this.#login = undefined;
    this.#idle = undefined;
  }
}
