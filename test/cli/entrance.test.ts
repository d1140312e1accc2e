/** The flags that say who may come in, and what the program prints of those who may not. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { start } from "./started.js";

const ENDS = { source: { host: "192.0.2.7", port: 1 }, destination: { host: "198.51.100.1", port: 21 } };

suite("who may come in", () => {
  test("--allow and --deny: 421, and a line", async () => {
    await using program = await start("--memory", "--allow", "127.0.0.0/30", "--deny=127.0.0.2", "--deny=::1");
    for (const [localAddress, code] of [
      ["127.0.0.1", 220],
      ["127.0.0.2", 421],
      ["127.0.0.9", 421],
    ] as const) {
      await using client = await ScriptedClient.open(program.port, "127.0.0.1", { localAddress });
      await client.expectReply(code);
    }
    await program.line(/not let in: 127\.0\.0\.2: in --deny$/m);
    await program.line(/not let in: 127\.0\.0\.9: not in --allow$/m);
    await program.stop();
    assert.equal(program.lines(/not let in/).length, 2, program.output);
  });

  test("--proxy-from: the log has the client's address, and who comes without a header is not let in", async () => {
    await using program = await start("--memory", "--proxy-from=127.0.0.1", "--user", "anna:one", "--deny=192.0.2.8");
    await using client = await ScriptedClient.open(program.port);
    client.send(lineHeader(ENDS));
    await client.expectReply(220);
    await client.login("anna", "one");
    await program.line(/#\d+ 192\.0\.2\.7 anna: logged in$/m);
    await using other = await ScriptedClient.open(program.port);
    other.send(lineHeader({ ...ENDS, source: { host: "192.0.2.8", port: 1 } }));
    await other.expectReply(421);
    await program.line(/not let in: 192\.0\.2\.8 by 127\.0\.0\.1: in --deny$/m);
    await using silent = await ScriptedClient.open(program.port);
    silent.send("USER anna\r\n");
    await silent.expectClosed();
    await program.line(/not let in: 127\.0\.0\.1: PROXY header: no signature$/m);
    await using direct = await ScriptedClient.open(program.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    await direct.expectClosed();
    await program.line(/not let in: 127\.0\.0\.2: not from a proxy$/m);
  });

  for (const json of [false, true])
    test(`S16.8 those who come again and again are two lines: the first, and at the end their number${json ? ", in JSON" : ""}`, async () => {
      await using program = await start("--memory", "--deny=127.0.0.2", ...(json ? ["--json"] : []));
      for (let count = 0; count < 30; count++) {
        await using client = await ScriptedClient.open(program.port, "127.0.0.1", { localAddress: "127.0.0.2" });
        await client.expectReply(421);
      }
      await program.stop();
      const lines = program.lines(/not let in|"refused"/);
      if (json)
        assert.deepEqual(
          lines.map((line) => JSON.parse(line)).map(({ client, reason, count }) => [client, reason, count]),
          [
            ["127.0.0.2", "deny", 1],
            ["127.0.0.2", "deny", 29],
          ],
        );
      else
        assert.deepEqual(
          lines.map((line) => line.slice(9)),
          ["not let in: 127.0.0.2: in --deny", "not let in: 127.0.0.2: in --deny (29 times)"],
        );
    });

  test("--ban-exempt: who is in it is never banned, and a ban where others are logged in names the flag", async () => {
    const flags = ["--limit=bans.after=1", "--limit=loginDelay=off", "--ban-exempt=127.0.0.2"];
    await using program = await start("--memory", "--user=anna:one", ...flags);
    const guess = async (localAddress: string, code: number): Promise<void> => {
      await using client = await ScriptedClient.connect(program.port, "127.0.0.1", { localAddress });
      await client.expect("USER anna", 331);
      await client.expect("PASS hunter2", code);
    };
    for (let count = 0; count < 12; count++) await guess("127.0.0.2", 530);
    await using inside = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await guess("127.0.0.1", 421);
    await program.line(/: hint: 127\.0\.0\.1 was banned .* set bans\.exempt \(--ban-exempt\)$/);
    await inside.expect("QUIT", 221);
    await program.stop();
    assert.equal(program.lines(/ banned for \d+ s$/).length, 1, program.output);
  });
});
