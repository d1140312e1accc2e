/** Memory for bytes on their way, used again and again: to make it anew costs the system a page at a time. */

/** Bytes of a piece: what a fast client takes in one go, so that the next one is read meanwhile. */
const PIECE = 512 * 1024;
/** Pieces that are kept while nobody needs them. */
const KEPT = 64;
/** For how long, in milliseconds, at the most. */
const KEPT_MS = 10_000;

const spare: Buffer[] = [];
let clearing: NodeJS.Timeout | undefined;

/** A piece of memory that nobody else uses; it may hold anything. Who does not give it back leaves it to the garbage collector. */
export function borrow(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(PIECE);
}

/** To be called once, when nobody looks at the memory any more. */
export function giveBack(memory: Buffer): void {
  if (spare.length >= KEPT) return;
  spare.push(memory);
  clearing ??= setTimeout(clear, KEPT_MS).unref();
}

/** Who needs some again makes some again. */
function clear(): void {
  spare.length = 0;
  clearing = undefined;
}
