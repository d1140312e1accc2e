/**
 * Time values of MDTM, MFMT and the MLSx facts (RFC 3659 §2.3): `YYYYMMDDHHMMSS[.digits]`, always UTC.
 * Knows no time zone and no file.
 */

const EARLIEST = Date.parse("0001-01-01T00:00:00.000Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");
/** Listings write two times a line: to look pairs of digits up takes a fifth of the time of `toISOString`. */
const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));

/**
 * Reads a time value. Digits after the third decimal are dropped; the leap second 60 is the next minute.
 * @returns `undefined` where the text is no time value, or names a day or a time that no calendar has
 */
export function parseTimestamp(text: string): Date | undefined {
  const match = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]+))?$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const date = calendarDay(year, month, day);
  if (date === undefined || hour > 23 || minute > 59 || second > 60) return undefined;
  date.setUTCHours(hour, minute, second, Number((match[7] ?? "").slice(0, 3).padEnd(3, "0")));
  return date.getTime() > LATEST ? undefined : date;
}

/**
 * Writes a time value; `.sss` only where the milliseconds are not 0 (RFC 3659 §2.3: no digits that are not known).
 * A time outside of the years 0001 to 9999, which the format cannot hold, becomes the nearest that it can.
 * @throws RangeError where the date is an Invalid Date
 */
export function formatTimestamp(date: Date): string {
  const time = date.getTime();
  if (Number.isNaN(time)) throw new RangeError("an Invalid Date has no time value");
  const known = new Date(Math.min(Math.max(time, EARLIEST), LATEST));
  const year = known.getUTCFullYear();
  const day = two(Math.floor(year / 100)) + two(year % 100) + two(known.getUTCMonth() + 1) + two(known.getUTCDate());
  const seconds = day + two(known.getUTCHours()) + two(known.getUTCMinutes()) + two(known.getUTCSeconds());
  const milliseconds = known.getUTCMilliseconds();
  return milliseconds === 0 ? seconds : `${seconds}.${String(milliseconds).padStart(3, "0")}`;
}

/** Of 0 to 99. */
function two(number: number): string {
  return TWO_DIGITS[number] ?? "";
}

/** Midnight of a day; `undefined` where `Date` would have to bend it, as with 30 February. */
function calendarDay(year: number, month: number, day: number): Date | undefined {
  const date = new Date(0);
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  return year >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date : undefined;
}
