/** Something that is asked before it happens. Knows nothing of FTP. */

/**
 * A question to listeners. The first answer decides; later ones, and those after the asker has gone on,
 * are ignored. Unanswered means what the kind of question says, mostly yes.
 */
export abstract class Question {
  #open = true;
  #answered = false;

  /** Whether a listener has answered; the listeners after it are not asked. */
  get answered(): boolean {
    return this.#answered;
  }

  /** No answer counts from now on. */
  close(): void {
    this.#open = false;
  }

  /** Takes the first answer: `true` where it counts. */
  protected answer(): boolean {
    if (!this.#open || this.#answered) return false;
    this.#answered = true;
    return true;
  }
}
