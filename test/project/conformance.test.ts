/** The table of commands and what is said of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STANDARD_ROWS } from "../../dist/commands/table.js";
import { conformancePage, PAGE } from "./conformance.js";

test("docs/conformance.md is what the table says: run npm run conformance", () => {
  assert.equal(readFileSync(PAGE, "utf8"), conformancePage());
});

test("RFC 959, RFC 1123 §4.1.2.13 and §4.1.3.1, RFC 2389, RFC 2428, RFC 3659: every command has a row", () => {
  const wanted =
    "USER PASS ACCT CWD CDUP SMNT REIN QUIT PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE RMD MKD PWD LIST NLST SITE SYST STAT HELP NOOP XCWD XCUP XRMD XMKD XPWD FEAT OPTS EPRT EPSV SIZE MDTM MLST MLSD MFMT MFCT MFF CLNT LANG";
  const known = new Set(STANDARD_ROWS.flatMap(({ verb, aliases = [] }) => [verb, ...aliases]));
  assert.deepEqual(
    wanted.split(" ").filter((verb) => !known.has(verb)),
    [],
  );
});

test("RFC 959 §5.3.1: no verb stands for two rows", () => {
  const verbs = STANDARD_ROWS.flatMap(({ verb, aliases = [] }) => [verb, ...aliases]);
  assert.equal(new Set(verbs).size, verbs.length);
});
