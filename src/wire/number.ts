/**
 * Numbers as clients write them (REST, ALLO, SIZE and port arguments: RFC 959 §5.3.2, RFC 3659 §5): decimal
 * digits and nothing else. Does not know what a number is for.
 */

/**
 * Reads a non-negative decimal number: one to sixteen ASCII digits.
 * @param max the largest number that is accepted. Default: `Number.MAX_SAFE_INTEGER`
 * @returns `undefined` for a sign, a space, a fraction, any other digit, or a number above `max` or not safe
 */
export function parseDecimal(text: string, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value <= max ? value : undefined;
}
