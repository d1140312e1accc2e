/**
 * One entry as a line of LIST in the form of `ls -l` (RFC 959 §4.1.3 leaves it open; this is the form that
 * every client parses). English months and UTC whatever the host's locale and zone. Does not know which
 * entries are shown, and never asks the store.
 */
import type { FileInfo } from "../storage/file-info.js";
import { ownerName } from "./owner-name.js";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const LETTERS = { directory: "d", file: "-", link: "l" } as const;
const TYPICAL_MODE = { directory: 0o755, file: 0o644, link: 0o777 } as const;
/** The rights of one class of users, by its three bits. */
const TRIPLETS = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"] as const;
/** Half a mean Gregorian year: the age from which `ls` shows the year in place of the time. */
const HALF_YEAR = 15_778_476_000;
const NOBODY = "ftp";

/**
 * The entry as one line without its CRLF. The name must be listable.
 * @param now the time against which six months are reckoned; one for the whole listing
 */
export function longLine(info: FileInfo, now: Date): string {
  const links = String(info.links ?? 1).padStart(3);
  const size = String(info.size).padStart(11);
  const owners = ownersOf(info.owner, info.group);
  return `${rights(info)} ${links} ${owners} ${size} ${moment(info.modified, now)} ${shownName(info)}`;
}

/** The columns of the entry before: one directory has few owners. */
let known = { owner: undefined as string | undefined, group: undefined as string | undefined, shown: columnsOf() };

function ownersOf(owner: string | undefined, group: string | undefined): string {
  if (known.owner !== owner || known.group !== group) known = { owner, group, shown: columnsOf(owner, group) };
  return known.shown;
}

function columnsOf(owner?: string, group?: string): string {
  return [owner, group].map((name) => (ownerName(name) ?? NOBODY).padEnd(8)).join(" ");
}

function rights(info: FileInfo): string {
  const mode = info.mode ?? TYPICAL_MODE[info.type];
  return LETTERS[info.type] + TRIPLETS[(mode >> 6) & 7] + TRIPLETS[(mode >> 3) & 7] + TRIPLETS[mode & 7];
}

/** An entry without a time stands at 1970: the column has to be there. So does one whose year has not four digits. */
function moment(modified: Date | undefined, now: Date): string {
  const year = modified?.getUTCFullYear() ?? Number.NaN;
  if (modified === undefined || !(year >= 1000 && year <= 9999)) return "Jan 01  1970";
  const day = `${MONTHS[modified.getUTCMonth()]} ${twoDigits(modified.getUTCDate())}`;
  const age = now.getTime() - modified.getTime();
  if (age < 0 || age >= HALF_YEAR) return `${day}  ${year}`;
  return `${day} ${twoDigits(modified.getUTCHours())}:${twoDigits(modified.getUTCMinutes())}`;
}

/** A target that would break the line is left out; the link itself is shown. */
function shownName({ type, name, target }: FileInfo): string {
  return type === "link" && target && !/[\0\r\n]/.test(target) ? `${name} -> ${target}` : name;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
