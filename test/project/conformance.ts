/**
 * Writes docs/conformance.md from the table of commands, or says what it should hold.
 * Run by `npm run conformance`; a test fails when page and table differ.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { STANDARD_ROWS, STANDARD_SITE_ROWS } from "../../dist/commands/table.js";

type Row = (typeof STANDARD_ROWS)[number];

export const PAGE = join(import.meta.dirname, "../../docs/conformance.md");

/** Commands of the registry of RFC 5797 and of the RFCs named here that are answered as unknown, and why. */
const ABSENT = [
  ["LPRT, LPSV", "RFC 1639", "historic; EPRT and EPSV do the same (RFC 2428)"],
  ["MAIL, MSND, MSOM, MSAM, MLFL, MRSQ, MRCP", "RFC 765", "obsolete since RFC 959"],
];

/** The page as it should be. */
export function conformancePage(): string {
  return [
    "# Conformance",
    "",
    "Generated from the table of commands (`src/commands/table.ts`) by `npm run conformance`; a test fails when they",
    "differ. Any command may also be answered with 421, 500, 501, 502, 503, 504 or 530 (RFC 959 §5.4), transfers after",
    "their 150 with 425, 426, 451, 551 or 552, and where data connections are to be under TLS with 521 before it and with",
    "522 after it (RFC 4217 §10.2).",
    "",
    "| command | argument | clause | replies | needs | status |",
    "|---|---|---|---|---|---|",
    ...STANDARD_ROWS.map(lineOf),
    "",
    "## Subcommands of SITE",
    "",
    "| command | argument | clause | replies | needs | status |",
    "|---|---|---|---|---|---|",
    ...STANDARD_SITE_ROWS.map(lineOf),
    "",
    "## Not here",
    "",
    "| command | clause | why |",
    "|---|---|---|",
    ...ABSENT.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    "## Where the clauses leave a choice",
    "",
    ...CHOICES.map((choice) => `- ${choice}`),
    "",
  ].join("\n");
}

const CHOICES = [
  "TYPE A: every LF becomes CRLF on the wire and every CRLF becomes LF in the store; nothing else changes, so that what was downloaded and uploaded again is the same to the byte (RFC 959 §3.1.1.1). A file that holds CRLF is sent with CR CR LF.",
  "TYPE A with REST: the marker counts octets as transferred (RFC 3659 §5.3); the file is read up to `asciiScanLimit` to find it, 554 beyond. SIZE counts the same way, 550 beyond.",
  "LIST, NLST and MLSD always send CRLF lines, whatever TYPE is. Times in LIST are UTC.",
  "LIST, NLST and STAT understand `-a`, `-l`, `-R` and patterns (`*`, `?`, `[…]`) in the last component; every other command takes names as they are (RFC 3659 §2.2.2). A name that exists wins over the pattern.",
  "A path that is missing is answered with 550 before 150; a pattern that matches nothing is an empty listing.",
  "RNTO does not replace a file unless `overwriteOnRename` says so.",
  "USER after a login is answered with 503 unless `allowRelogin` says otherwise; then nothing of the old login is left.",
  "PASV on IPv6 is answered with 425; EPSV works.",
  "PORT and EPRT to another address than the client's, or to a port below 1024, are answered with 504 (RFC 2577 §3).",
  "ABOR, NOOP and STAT are answered while a transfer runs; every other command waits for its end.",
  "AUTH TLS and TLS-C begin with PROT C, AUTH SSL and TLS-P and implicit TLS with PROT P. PROT works without PBSZ.",
  "AUTH under TLS, or after CCC, is answered with 503. CCC and REIN leave TLS only where `tls.allowClear` says so (534, 502).",
  "Where TLS is required, USER, PASS and ACCT in clear are answered with 530, transfers in clear with 521, and PROT C with 534.",
  "An upload under PROT P that ends without close_notify is answered with 426 and not kept; a download need not be ended so.",
  "HOST is open to every name unless a `host` listener refuses (504), but must be the name that SNI gave, if it gave one.",
  "MDTM never sets a time; MFMT does.",
  "HASH and the X commands tell the checksum of what RETR would send in TYPE I: a `retr` listener is asked, and what it changes counts. The range in the answer of HASH counts its last octet (`0-99` for a hundred); that of nothing is `0-0`. An algorithm that OPTS HASH does not know is 501 (draft-bryan-ftpext-hash §3.2).",
  "XCRC, XMD5, XSHA1, XSHA256 and XSHA512 take a range only behind a name in quotes: the first octet, and the one after the last.",
  "Before login every command that needs one is answered with 530, and so is an unknown one.",
];

function lineOf(row: Row): string {
  const verbs = [row.verb, ...(row.aliases ?? [])].join(", ");
  const status = row.replies.every((code) => code >= 500) ? "refused" : "done";
  const syntax = row.argument.syntax === "" ? "" : `\`${row.argument.syntax}\``;
  const cells = [verbs, syntax, row.source, row.replies.join(" "), row.needs?.join(", ") ?? "", status];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, conformancePage());
