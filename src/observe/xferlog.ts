/**
 * The classic line of a transfer: fourteen fields with blanks between them, as programs have read them for decades.
 * Blanks in names, and what does not show, are written `_`.
 */
import type { TransferFact } from "../session/events.js";

const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Blanks of any kind, controls, format characters, lone surrogates. */
const UNFIT = /[\s\p{Z}\p{Cc}\p{Cf}\p{Cs}]/gu;

/** Names by which nobody in particular logs in (RFC 1635 §2). */
const ANONYMOUS: readonly (string | undefined)[] = ["anonymous", "ftp"];

/**
 * One line, with its LF: time, seconds, host, bytes, path, type (`a`, `b`), action (`_`: nothing was done to the file),
 * direction (`o` out, `i` in), access (`a` anonymous, `r` an account), user, service, authentication (`0` none besides),
 * its user (`*` unknown), completion (`c`, `i` incomplete).
 * @param now in the local time of the machine
 */
export function xferlogLine(fact: TransferFact, complete: boolean, now: Date): string {
  const { session, path, bytes, milliseconds, type, direction } = fact;
  const { remoteAddress, username, admitted } = session;
  return `${[
    timeOf(now),
    Math.max(1, Math.round(milliseconds / 1000)),
    fieldOf(remoteAddress),
    bytes,
    fieldOf(path),
    type === "A" ? "a" : "b",
    "_",
    direction === "upload" ? "i" : "o",
    ANONYMOUS.includes(username) ? "a" : "r",
    admitted ? fieldOf(username ?? "") : "-",
    "ftp",
    0,
    "*",
    complete ? "c" : "i",
  ].join(" ")}\n`;
}

/** As `ctime` has it, e.g. `Thu Mar  4 08:12:30 1999`: always 24 characters. */
function timeOf(now: Date): string {
  const [hours, minutes, seconds] = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  const day = String(now.getDate()).padStart(2, " ");
  return `${DAYS[now.getDay()]} ${MONTHS[now.getMonth()]} ${day} ${hours}:${minutes}:${seconds} ${now.getFullYear()}`;
}

/** A field has no blanks and is never empty, or the others would move. */
function fieldOf(text: string): string {
  return text.replace(UNFIT, "_") || "-";
}
