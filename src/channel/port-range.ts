/** Ranges of ports, and their parts. Pure: opens nothing. */

/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

/** How many ports a range has. */
export function sizeOf([first, last]: PortRange): number {
  return last - first + 1;
}

/**
 * The part of a range that one worker of a cluster has for itself: parts do not overlap, and differ by one port at the
 * most. Of two ranges with as many ports, equal parts belong together: of `passive.ports` and `passive.advertise`.
 * @param index which part, from 0
 * @param count how many parts: 1 to the number of ports
 * @throws RangeError where there are fewer ports than parts, or no such part
 */
export function partOfPorts(range: PortRange, index: number, count: number): PortRange {
  const [first] = range;
  const size = sizeOf(range);
  if (!Number.isInteger(count) || count < 1 || count > size)
    throw new RangeError(`${size} ports can be split into 1 to ${size} parts, not ${count}`);
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw new RangeError(`of ${count} parts there are 0 to ${count - 1}, not ${index}`);
  const start = (part: number): number => first + Math.floor((part * size) / count);
  return [start(index), start(index + 1) - 1];
}
