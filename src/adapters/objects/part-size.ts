/** How large the parts of an upload are: stores take a bounded number of them. */
import type { ObjectLimits } from "./object-store.js";

/** What decides the size of parts. */
export interface PartSizes {
  /** Bytes of the first part. */
  readonly partSize: number;
  /** Whether all parts but the last must have one size. */
  readonly uniformParts: boolean;
  /** Bytes that the client said it will send; it may be wrong. */
  readonly sizeHint: number | undefined;
  readonly limits: ObjectLimits;
}

/** So many times parts grow, each time to twice their size, until the store takes no more of them. */
const STEPS = 11;
/** Parts do not grow beyond 3 GiB: every Node has buffers of that size. */
const LARGEST = 3 * 2 ** 30;
/** What a client says can make parts so many times as large. */
const TRUSTED = 8;

/** Bytes of a part. @param number of the part, from 0 */
export function partSizeOf({ partSize, uniformParts, sizeHint = 0, limits }: PartSizes, number: number): number {
  const { parts, partUnit } = limits;
  const hinted = uniformParts ? Math.min(sizeHint / parts, partSize * TRUSTED) : 0;
  const grown = uniformParts ? partSize : partSize * 2 ** Math.floor(number / (parts / STEPS));
  const size = Math.max(hinted, Math.min(grown, Math.max(LARGEST, partSize)));
  return Math.ceil(size / partUnit) * partUnit;
}
