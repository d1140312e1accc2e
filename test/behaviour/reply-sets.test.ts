/** Every command with good, missing, surplus and bad arguments answers only with replies that its clause lists (RFC 959 §5.4). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { offer } from "../kit/data.js";
import { type Reply, type ScriptedClient, show } from "../kit/scripted-client.js";
import { underTls } from "../kit/security.js";
import { type Served, serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";

/** What a command may answer; `before` is the preliminary reply. */
interface Row {
  readonly verb: string;
  readonly codes: readonly number[];
  /** Final replies that may follow 125 or 150. */
  readonly after?: readonly number[];
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** Legal before login; else 530 is the only answer there. */
  readonly open?: boolean;
}

const SYNTAX = [500, 501, 530];
const MAYBE = [500, 501, 502, 530];
const LONG = "x".repeat(5000);
const PATHS = ["", " ", LONG, "a\0b", "a\rb", "\xff\xfe", "missing", "d/missing/x", "f/x"];

/** A command that moves data: what may come before 150, and what after. */
function moving(verb: string, before: readonly number[], good: readonly string[], after: readonly number[] = []): Row {
  return { verb, codes: [425, ...before], after: [226, 250, 425, 426, 451, ...after], good, bad: PATHS };
}

const UPLOAD_AFTER = [551, 552];
const ROWS: readonly Row[] = [
  { verb: "USER", codes: [230, 331, 332, 500, 501, 530, 503], good: ["test"], bad: ["", LONG, "a\0b"], open: true },
  {
    verb: "PASS",
    codes: [230, 202, 332, 500, 501, 503, 530, 421],
    good: ["secret"],
    bad: ["", LONG, "a\0b"],
    open: true,
  },
  { verb: "ACCT", codes: [230, 202, 500, 501, 503, 530], good: ["x"], bad: ["", LONG], open: true },
  { verb: "CWD", codes: [250, 550, ...MAYBE], good: ["d", "/", ".."], bad: PATHS },
  { verb: "XCWD", codes: [250, 550, ...MAYBE], good: ["d"], bad: PATHS },
  { verb: "CDUP", codes: [200, 250, 550, ...MAYBE], good: [], bad: ["x"] },
  { verb: "XCUP", codes: [200, 250, 550, ...MAYBE], good: [], bad: ["x"] },
  { verb: "SMNT", codes: [202, 250, 550, ...MAYBE], good: ["/"], bad: [""] },
  { verb: "REIN", codes: [120, 220, 500, 501, 502], good: [], bad: ["x"], open: true },
  {
    verb: "PORT",
    codes: [200, 504, ...SYNTAX],
    good: ["127,0,0,1,200,1"],
    bad: ["", "1,2,3", "10,0,0,1,200,1", "a,b,c,d,e,f", LONG],
  },
  { verb: "PASV", codes: [227, 425, ...MAYBE], good: [], bad: ["x"] },
  {
    verb: "EPRT",
    codes: [200, 522, 504, ...SYNTAX],
    good: ["|1|127.0.0.1|40000|"],
    bad: ["", "|", "|9|x|1|", "|1|10.0.0.1|40000|", LONG],
  },
  { verb: "EPSV", codes: [229, 522, 425, ...SYNTAX], good: ["1"], bad: ["2", "9", "x", "-1", LONG] },
  { verb: "MODE", codes: [200, 504, ...SYNTAX], good: ["S", "s"], bad: ["", "B", "C", "Z", "X", "SS", " S"] },
  {
    verb: "TYPE",
    codes: [200, 504, ...SYNTAX],
    good: ["A", "a n", "I", "L 8"],
    bad: ["", "E", "A C", "L 7", "L", "L 999", "X", "A X", LONG],
  },
  { verb: "STRU", codes: [200, 504, ...SYNTAX], good: ["F"], bad: ["", "R", "P", "X"] },
  {
    verb: "ALLO",
    codes: [200, 202, 504, 552, ...SYNTAX],
    good: ["10", "10 R 5"],
    bad: ["", "x", "-1", "1e3", "10 R", "10 X 5", "9".repeat(400)],
  },
  { verb: "REST", codes: [350, ...MAYBE], good: ["0", "5"], bad: ["", "x", "-1", "1.5", "9".repeat(400)] },
  moving("RETR", [450, 550, ...SYNTAX], ["f"]),
  moving("STOR", [532, 450, 452, 553, 550, 552, ...SYNTAX], ["new"], UPLOAD_AFTER),
  moving("APPE", [532, 450, 452, 553, 550, 552, ...MAYBE], ["f"], UPLOAD_AFTER),
  moving("STOU", [532, 450, 452, 553, 550, 552, ...MAYBE], [], UPLOAD_AFTER),
  moving("LIST", [450, 550, ...MAYBE], ["", "d", "f", "-la", "*"]),
  moving("NLST", [450, 550, ...MAYBE], ["", "d", "f", "-la", "*"]),
  moving("MLSD", [550, ...SYNTAX], ["d"]),
  { verb: "MLST", codes: [250, 550, ...SYNTAX], good: ["", "f", "d"], bad: PATHS },
  { verb: "RNFR", codes: [350, 450, 550, ...MAYBE], good: ["f"], bad: PATHS },
  { verb: "RNTO", codes: [250, 532, 553, 550, 503, ...MAYBE], good: ["moved"], bad: PATHS },
  { verb: "DELE", codes: [250, 450, 550, ...MAYBE], good: ["f"], bad: [...PATHS, "d", "/"] },
  { verb: "RMD", codes: [250, 550, ...MAYBE], good: ["empty"], bad: [...PATHS, "f", "/"] },
  { verb: "XRMD", codes: [250, 550, ...MAYBE], good: ["empty"], bad: PATHS },
  { verb: "MKD", codes: [257, 550, ...MAYBE], good: ["made"], bad: [...PATHS.slice(0, 6), "f", "d", "/"] },
  { verb: "XMKD", codes: [257, 550, ...MAYBE], good: ["made"], bad: ["f", "d"] },
  { verb: "PWD", codes: [257, 550, ...MAYBE], good: [], bad: ["x"] },
  { verb: "XPWD", codes: [257, 550, ...MAYBE], good: [], bad: ["x"] },
  { verb: "ABOR", codes: [225, 226, 500, 501, 502], good: [], bad: ["x"], open: true },
  { verb: "SYST", codes: [215, 500, 501, 502], good: [], bad: ["x"], open: true },
  { verb: "STAT", codes: [211, 212, 213, 450, 550, ...MAYBE], good: ["", "f", "d", "*"], bad: PATHS },
  { verb: "HELP", codes: [211, 214, 500, 501, 502], good: ["", "RETR"], bad: ["QUUX", LONG, "__proto__"], open: true },
  {
    verb: "SITE",
    codes: [200, 202, 211, 214, 250, 550, 504, 500, 501, 502, 530],
    good: ["HELP"],
    bad: ["", "QUUX", "EXEC ls", "CHMOD", LONG, "__PROTO__"],
  },
  { verb: "NOOP", codes: [200, 500], good: [], bad: ["x"], open: true },
  { verb: "FEAT", codes: [211, 500, 501, 502], good: [], bad: ["x"], open: true },
  {
    verb: "OPTS",
    codes: [200, 451, 500, 501, 502, 504],
    good: ["UTF8 ON", "MLST size;"],
    bad: ["", "QUUX", "MLST ;;", "UTF8 MAYBE", "toString"],
    open: true,
  },
  { verb: "SIZE", codes: [213, 550, ...SYNTAX], good: ["f"], bad: [...PATHS, "d"] },
  { verb: "MDTM", codes: [213, 550, ...SYNTAX], good: ["f"], bad: PATHS },
  {
    verb: "MFMT",
    codes: [213, 550, 504, ...SYNTAX],
    good: ["20200102030405 f"],
    bad: ["", "x f", "20200230000000 f", "20200102030405", "20200102030405 missing"],
  },
  {
    verb: "MFCT",
    codes: [213, 550, 504, 502, ...SYNTAX],
    good: ["20200102030405 f"],
    bad: ["", "x f", "20200102030405"],
  },
  {
    verb: "MFF",
    codes: [213, 550, 504, ...SYNTAX],
    good: ["modify=20200102030405; f"],
    bad: ["", "f", "size=3; f", "modify=x; f", "; f"],
  },
  { verb: "HASH", codes: [213, 450, 550, 552, 553, 556, ...SYNTAX], good: ["f"], bad: [...PATHS, "d"] },
  { verb: "MD5", codes: [251, 450, 550, 553, 556, ...SYNTAX], good: ["f"], bad: [...PATHS, "d"] },
  {
    verb: "XCRC",
    codes: [250, 450, 550, 553, 554, 556, ...SYNTAX],
    good: ["f", '"f" 0 1'],
    bad: [...PATHS, "d", '"f" 2 1', '"f" x', '"f', '""'],
  },
  { verb: "LANG", codes: [200, 500, 501, 502, 504], good: ["", "en"], bad: ["xx", "toString", LONG], open: true },
  { verb: "CLNT", codes: [200, 500, 501, 502], good: ["ftp 1.0"], bad: ["", LONG], open: true },
  {
    verb: "HOST",
    codes: [220, 500, 501, 502, 503, 504],
    good: ["example.org", "[::1]"],
    bad: ["", "a:21", "[::1", "a b", "-", LONG, "a\0b"],
    open: true,
  },
  { verb: "QUUX", codes: [500, 502], good: ["x"], bad: ["", LONG] },
  { verb: "CONSTRUCTOR", codes: [500, 502], good: ["x"], bad: ["__proto__"] },
];

for (const row of ROWS)
  describe(row.verb, () => {
    const lines = [
      row.verb,
      ...row.good.map((argument) => `${row.verb} ${argument}`),
      ...row.bad.map((argument) => `${row.verb} ${argument}`),
    ];
    for (const line of new Set(lines)) {
      const name = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
      test(`${name} after login`, () => afterLogin(row, line));
      test(`${name} before login`, () => beforeLogin(row, line));
    }
  });

async function scene(): Promise<Served> {
  const served = await serve();
  await put(served.fileSystem, "/f", "0123456789");
  await putDirectory(served.fileSystem, "/d");
  await putDirectory(served.fileSystem, "/empty");
  return served;
}

async function afterLogin(row: Row, line: string): Promise<void> {
  await using served = await scene();
  const client = await served.user();
  if (row.after !== undefined) return await checkMoving(row, line, client);
  if (row.verb === "RNTO") await client.expect("RNFR f", 350);
  assertWithin(row.codes, await client.command(line), line);
  await client.assertQuiet();
}

async function checkMoving(row: Row, line: string, client: ScriptedClient): Promise<void> {
  assertWithin(row.codes, await client.command(line), `${line} without an offer`);
  await using offered = await offer(client, "EPSV");
  const socket = await offered.connect();
  socket
    .on("error", () => undefined)
    .resume()
    .end();
  const first = await client.command(line);
  if (first.code !== 125 && first.code !== 150) assertWithin(row.codes, first, line);
  else assertWithin(row.after ?? [], await client.reply(), `${line} after 150`);
  await client.assertQuiet();
}

async function beforeLogin(row: Row, line: string): Promise<void> {
  await using served = await scene();
  const client = await served.client();
  assertWithin(row.open ? row.codes : [530], await client.command(line), line);
  await client.assertQuiet();
}

function assertWithin(codes: readonly number[], reply: Reply, line: string): void {
  assert(codes.includes(reply.code), `${line.slice(0, 60)}: ${show(reply)} is none of ${codes.join(", ")}`);
}

test("QUIT answers 221 before and after login, with and without argument", async () => {
  await using served = await serve();
  for (const line of ["QUIT", "quit x"])
    for (const client of [await served.client(), await served.user()]) {
      await client.expect(line, 221, 500, 501);
      if (line === "QUIT") await client.expectClosed();
    }
});

describe("commands that are known and not done", () => {
  for (const line of ["LPRT 4,4,127,0,0,1,2,1,1", "LPSV", "MAIL", "MSND x", "SITE EXEC ls"])
    test(`${line}: refused with 500 to 504`, async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect(line, 500, 501, 502, 503, 504);
    });
});

const PROTECTION = ["AUTH TLS", "AUTH", "PBSZ 0", "PROT P", "CCC", "ADAT x", "MIC x", "CONF x", "ENC x"];

describe("protection without certificates", { skip: underTls("there are certificates, see behaviour-tls") }, () => {
  for (const line of PROTECTION)
    test(`${line}: 502 before and after login`, async () => {
      await using served = await serve();
      for (const client of [await served.client(), await served.user()]) {
        await client.expect(line, 502);
        await client.assertQuiet();
      }
    });
});
