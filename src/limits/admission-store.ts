/** Where counts and bans are kept: in this process, or where many processes and machines share them. */

/**
 * Numbers by key, each with an end. What is at hand need be no promise. Every operation must be atomic for all who share
 * the store. Keys are text without blanks or control characters, up to 300 bytes. What rejects is told as an `error`
 * event; the client is then let in as if nothing were known of it.
 */
export interface AdmissionStore {
  /** The number of a key; 0 where there is none, or its time is over. */
  get(key: string): number | Promise<number>;
  /**
   * Adds to the number of a key, a new one beginning at 0.
   * @param by an integer, also below 0
   * @param milliseconds how long a new key lives; one that is there already keeps its end
   * @returns the sum
   */
  increment(key: string, by: number, milliseconds: number): number | Promise<number>;
  /** Lets a key live so many milliseconds from now; 0 ends it. One that is not there stays so. */
  expire(key: string, milliseconds: number): void | Promise<void>;
}
