/**
 * Time values of MDTM, MFMT and the MLSx facts (RFC 3659 §2.3): `YYYYMMDDHHMMSS[.digits]`, always UTC.
 * Knows no time zone and no file.
 */

const EARLIEST = Date.parse("0001-01-01T00:00:00.000Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

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
  const iso = new Date(Math.min(Math.max(date.getTime(), EARLIEST), LATEST)).toISOString();
  const day = iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 10);
  const time = iso.slice(11, 13) + iso.slice(14, 16) + iso.slice(17, 19);
  const fraction = iso.slice(19, 23);
  return fraction === ".000" ? day + time : day + time + fraction;
}

/** Midnight of a day; `undefined` where `Date` would have to bend it, as with 30 February. */
function calendarDay(year: number, month: number, day: number): Date | undefined {
  const date = new Date(0);
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  return year >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date : undefined;
}
