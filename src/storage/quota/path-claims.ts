/** Order among changes that concern the same paths. Knows no store. */
import { isWithin, type VirtualPath } from "../names.js";
import { untilAborted } from "../until-aborted.js";

interface Claim {
  readonly paths: readonly VirtualPath[];
  readonly over: Promise<void>;
}

/** Lets changes of one path, or of a path and what lies below it, happen one after another, in the order of asking. */
export class PathClaims {
  readonly #claims = new Set<Claim>();

  /**
   * Waits for every earlier claim to the same paths, and keeps later ones waiting until the work is done.
   * @param signal ends the wait with its reason
   */
  async during<Result>(
    paths: readonly VirtualPath[],
    work: () => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const claim: Claim = { paths, over };
    const earlier = [...this.#claims].filter((other) => meet(other.paths, paths)).map((other) => other.over);
    this.#claims.add(claim);
    try {
      await untilAborted(Promise.all(earlier), signal);
      return await work();
    } finally {
      this.#claims.delete(claim);
      end();
    }
  }
}

function meet(ones: readonly VirtualPath[], others: readonly VirtualPath[]): boolean {
  return ones.some((one) => others.some((other) => isWithin(one, other) || isWithin(other, one)));
}
