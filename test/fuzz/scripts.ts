/** Whole dialogues as data: what a client says, in which pieces, what it does with data connections, and how it goes. */
import fc from "fast-check";
import { STANDARD_ROWS } from "../../dist/commands/table.js";
import { encodeText } from "../../dist/wire/text-encoding.js";
import { ARGUMENT, SIZES, WIRE } from "./arbitraries.js";

/** What becomes of a data connection. */
export type DataPlan = "never" | "drain" | "pour" | "reset" | "close" | "silent" | "twice";

/** How the client goes: in order, or not. */
export type Farewell = "QUIT" | "FIN" | "RST";

/** One dialogue. */
export interface Script {
  readonly secure: boolean;
  readonly login: boolean;
  /** Lines with their ends; see `ADDRESS`. */
  readonly lines: readonly Buffer[];
  readonly sizes: readonly number[];
  /** Used in turn. */
  readonly data: readonly DataPlan[];
  readonly farewell: Farewell;
  /** How much of it all is sent before the farewell, of 1. */
  readonly share: number;
}

/** Stands where the arguments of PORT and EPRT go: where the client listens is not known before. */
export const ADDRESS = "@";

const VERBS = STANDARD_ROWS.flatMap(({ verb, aliases = [] }) => [verb, ...aliases]);
/** They end what was meant to go on; without them in one of so many lines. */
const RARE = new Set(["QUIT", "AUTH", "REIN", "USER"]);
const COMMON = VERBS.filter((verb) => !RARE.has(verb));

const SIMPLE = [
  "NOOP",
  "PWD",
  "TYPE A",
  "TYPE I",
  "CWD dir",
  "CWD ..",
  "CWD out",
  "MKD new",
  "RMD new",
  "DELE file",
  "DELE ../outside/canary",
  "SIZE file",
  "STAT",
  "STAT /",
  "MLST file",
  "REST 3",
  "ABOR",
  "FEAT",
  "HASH file",
  "SITE HELP",
  "SITE CHMOD 600 file",
  "MFMT 20200101000000 file",
  "RNFR file\r\nRNTO moved",
  "RNFR moved\r\nRNTO file",
  "RNFR file\r\nRNTO ../outside/file",
  "RNFR dir\r\nRNTO dir/below",
  "\xff\xf4\xff\xf2ABOR",
  "EPSV ALL",
  "PROT P",
  "PROT C",
];

const OFFERS = ["EPSV", "PASV", `PORT ${ADDRESS}`, `EPRT ${ADDRESS}`, "EPSV\r\nEPSV"];
const TRANSFERS = [
  "RETR file",
  "RETR large",
  "RETR out/canary",
  "RETR up/outside/canary",
  "STOR new",
  "STOR file",
  "STOR out/canary",
  "STOR /dir",
  "APPE log",
  "STOU",
  "LIST",
  "LIST -R",
  "NLST *",
  "MLSD /dir",
  "REST 5\r\nRETR file",
  "REST 1\r\nSTOR file",
  "RETR large\r\nABOR",
  "STOR new\r\nSTAT\r\nNOOP",
  "HASH large\r\nABOR",
];

const WITH_ARGUMENT = (verbs: readonly string[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom(...verbs), fc.boolean(), ARGUMENT)
    // Any argument, but none that ends the line: then it is another line, which is what WIRE is for.
    .map(([verb, lower, text]) => {
      const argument = Buffer.from(encodeText(text.replaceAll("\n", "").slice(0, 9000)));
      return Buffer.concat([Buffer.from(`${lower ? verb.toLowerCase() : verb} `), argument]);
    });

const TRANSFER = fc
  .tuple(fc.constantFrom(...OFFERS), fc.constantFrom(...TRANSFERS))
  .map(([offer, command]) => Buffer.from(`${offer}\r\n${command}`, "latin1"));

const LINE: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...SIMPLE).map((line) => Buffer.from(line, "latin1")) },
  { weight: 6, arbitrary: TRANSFER },
  { weight: 6, arbitrary: WITH_ARGUMENT(COMMON) },
  { weight: 1, arbitrary: WITH_ARGUMENT([...RARE, "XYZZY", "GET", "", "\u017fIZE"]) },
  { weight: 1, arbitrary: fc.constantFrom("REIN", "AUTH TLS", "CCC", "QUIT", "USER test").map((l) => Buffer.from(l)) },
  { weight: 1, arbitrary: WIRE },
);

const ENDED = fc
  .tuple(LINE, fc.constantFrom("\r\n", "\r\n", "\r\n", "\n"))
  .map(([line, end]) => Buffer.concat([line, Buffer.from(end)]));

const PLAN = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<DataPlan>("drain", "pour") },
  { weight: 3, arbitrary: fc.constantFrom<DataPlan>("reset", "close", "twice") },
  { weight: 1, arbitrary: fc.constantFrom<DataPlan>("never", "silent") },
);

/** Dialogues of any kind. */
export const SCRIPT: fc.Arbitrary<Script> = fc.record({
  secure: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  login: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  lines: fc.array(ENDED, { minLength: 1, maxLength: 12 }),
  sizes: SIZES,
  data: fc.array(PLAN, { minLength: 1, maxLength: 4 }),
  farewell: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Farewell>("QUIT") },
    { weight: 2, arbitrary: fc.constant<Farewell>("FIN") },
    { weight: 2, arbitrary: fc.constant<Farewell>("RST") },
  ),
  share: fc.oneof(
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
});
