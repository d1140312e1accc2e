/** What the program says of the dates of its certificate, at the start and when it is replaced. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { generate } from "selfsigned";
import type { Pair } from "../kit/certificates.js";
import { anotherPair, certificateFolder, fingerprint, replaceFile, shownBehindAuth } from "./certificate-folder.js";
import { start } from "./started.js";

const DAY = 24 * 60 * 60 * 1000;

/** A pair that is valid between two days, counted from now. */
async function pairOf(from: number, to: number): Promise<Pair> {
  const [notBeforeDate, notAfterDate] = [from, to].map((days) => new Date(Date.now() + days * DAY)) as [Date, Date];
  const name = [{ name: "commonName", value: "localhost" }];
  const { cert, private: key } = await generate(name, {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate,
    notAfterDate,
  });
  return { cert, key };
}

/** The day so many days from now, as it is printed. */
function day(days: number): string {
  return new Date(Date.now() + days * DAY).toISOString().slice(0, 10);
}

suite("the dates of a certificate", () => {
  test("the start tells the SHA-256 and the end; one that is valid is no reason to complain", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", ...certificates.flags);
    await program.line(/^Ctrl\+C/);
    const [, printed] = /^ *SHA-256 +([0-9A-F:]{95})$/m.exec(program.stdout) ?? [];
    assert.equal(printed, fingerprint(certificates.pair));
    assert.match(program.stdout, new RegExp(`^ *Valid +until ${day(20)} \\d\\d:\\d\\d UTC$`, "m"));
    await program.stop();
    assert.equal(program.stderr, "");
  });

  for (const [title, from, to, objection] of [
    ["expired", -3, -1, `expired on ${day(-1)}`],
    ["not valid yet", 1, 3, `is not valid before ${day(1)}`],
  ] as const)
    test(`${title}: one line at the start at every level, and it is used`, async () => {
      await using certificates = await certificateFolder();
      const pair = await pairOf(from, to);
      for (const name of ["cert", "key"] as const) await writeFile(certificates[name], pair[name]);
      await using program = await start("--memory", "--log-level", "error", ...certificates.flags);
      await program.line(/clients will refuse it/);
      assert.match(
        program.stderr,
        new RegExp(
          `^\\S+ the certificate of ".*cert\\.pem" ${objection} \\d\\d:\\d\\d UTC: clients will refuse it\\n$`,
        ),
      );
      assert.equal((await shownBehindAuth(program.port)).fingerprint256, fingerprint(pair));
    });

  test("one line at each renewal, and it is used", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", "--json", ...certificates.flags);
    const expired = await pairOf(-3, -1);
    await replaceFile(certificates.cert, expired.cert);
    await replaceFile(certificates.key, expired.key);
    const { level, certFile, message, ...rest } = JSON.parse(await program.line(/"certificateDates"/));
    assert.deepEqual([level, certFile, rest.fingerprint], ["error", certificates.cert, fingerprint(expired)]);
    assert.match(message, /^the certificate of ".*" expired on /);
    assert.ok(rest.validTo.startsWith(day(-1)));
    assert.equal((await shownBehindAuth(program.port)).fingerprint256, fingerprint(expired));
    const next = await anotherPair();
    await replaceFile(certificates.cert, next.cert);
    await replaceFile(certificates.key, next.key);
    const { validTo } = JSON.parse(await program.line(new RegExp(`"certificateChanged".*${fingerprint(next)}`)));
    assert.ok(validTo.startsWith(day(20)));
    assert.equal(program.lines(/"certificateDates"/).length, 1);
  });
});
