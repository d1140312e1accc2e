/** How long things took, in fixed buckets. Adding a value allocates nothing. Does not know what is measured. */

/** The upper ends of the buckets, in milliseconds; what is above the last is in the count alone. */
export const LATENCY_BOUNDS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000, 600_000,
];

/** One bucket. */
export interface Bucket {
  /** Milliseconds, included. */
  readonly upTo: number;
  /** Values up to there, those of lower buckets included. */
  readonly count: number;
}

/** Durations, as they can be told. */
export interface Latency {
  /** How many were measured. */
  readonly count: number;
  /** All together, in milliseconds. */
  readonly milliseconds: number;
  /** 1 to 600,000 milliseconds. */
  readonly buckets: readonly Bucket[];
}

/** Durations, as they are counted. */
export class Histogram {
  /** One for each bound, one for what is above them, and the sum behind these. */
  readonly #numbers = new Float64Array(LATENCY_BOUNDS.length + 2);

  /** Takes a duration in milliseconds. */
  add(milliseconds: number): void {
    let index = 0;
    while (index < LATENCY_BOUNDS.length && milliseconds > (LATENCY_BOUNDS[index] as number)) index++;
    const numbers = this.#numbers;
    numbers[index] = (numbers[index] as number) + 1;
    numbers[numbers.length - 1] = (numbers[numbers.length - 1] as number) + milliseconds;
  }

  /** What has come so far. */
  snapshot(): Latency {
    const numbers = this.#numbers;
    let count = 0;
    const buckets = LATENCY_BOUNDS.map((upTo, index) => {
      count += numbers[index] ?? 0;
      return { upTo, count };
    });
    return { count: count + (numbers[LATENCY_BOUNDS.length] ?? 0), milliseconds: numbers.at(-1) ?? 0, buckets };
  }
}
