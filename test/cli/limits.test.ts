/** `--limit` and bans in the program: who is kept out, and what is printed of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedClient } from "../kit/scripted-client.js";
import { start } from "./started.js";

test("--limit listener.sessions and address.sessions: 421, and a line", async () => {
  await using program = await start("--memory", "--limit=listener.sessions=2", "--limit=address.sessions=1");
  await using first = await ScriptedClient.connect(program.port);
  assert.equal(first.greeting.code, 220);
  await using second = await ScriptedClient.connect(program.port);
  assert.equal(second.greeting.code, 421);
  await using other = await ScriptedClient.connect(program.port, "127.0.0.1", { localAddress: "127.0.0.2" });
  assert.equal(other.greeting.code, 220);
  await using third = await ScriptedClient.connect(program.port, "127.0.0.1", { localAddress: "127.0.0.3" });
  assert.equal(third.greeting.code, 421);
  await program.line(/not let in: 127\.0\.0\.1: limit address\.sessions/);
  await program.line(/not let in: 127\.0\.0\.3: limit listener\.sessions/);
  await program.stop();
});

test("--limit of what one may: of an account a listing, of an address the failed logins; a line for each", async () => {
  const flags = ["--limit=account.listingEntries=1", "--limit=address.loginAttempts=1", "--limit=loginDelay=off"];
  await using program = await start("--memory", "--user=anna:one", ...flags);
  await using client = await ScriptedClient.connect(program.port);
  await client.login("anna", "one");
  for (const name of ["a", "b"]) await client.expect(`MKD ${name}`, 257);
  assert.equal((await client.expect("STAT /", 212)).lines.length, 3);
  await program.line(/anna.*limit account\.listingEntries is reached/);
  await using other = await ScriptedClient.connect(program.port);
  await other.expect("USER anna", 331);
  await other.expect("PASS two", 421);
  await program.line(/limit address\.loginAttempts is reached/);
  await program.stop();
});

for (const [flags, code] of [
  [["--limit=bans.after=2"], 421],
  [["--limit=bans.after=2", "--limit=bans=off"], 220],
] as const)
  test(`S9.3 ${flags.join(" ")}: after two wrong passwords the next greeting is ${code}, and no password is printed`, async () => {
    await using program = await start("--memory", "--user=anna:one", "--limit=loginDelay=off", ...flags);
    await using client = await ScriptedClient.connect(program.port);
    for (let tries = 0; tries < 2; tries++) {
      await client.expect("USER anna", 331);
      await client.expect("PASS hunter2", 530, 421);
    }
    await using next = await ScriptedClient.connect(program.port);
    assert.equal(next.greeting.code, code);
    if (code === 421) await program.line(/banned for 600 s$/);
    if (code === 421) await program.line(/not let in: 127\.0\.0\.1: banned$/);
    await program.stop();
    assert.ok(!program.output.includes("hunter2"), program.output);
  });
