/** S10.10: commands that cost the store something, faster than they may come: they wait, whoever sends them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileInfo, MemoryFileSystem, type VirtualPath } from "../../dist/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";

/** A store that counts what it is asked. */
class Counting extends MemoryFileSystem {
  asked = 0;

  override stat(path: VirtualPath): Promise<FileInfo> {
    this.asked++;
    return super.stat(path);
  }
}

test("S10.10 limits.address.commandRate: ten sessions of one address ask the store no more often than one may", async () => {
  await assertNoLeaks(async () => {
    const fileSystem = new Counting();
    await put(fileSystem, "/f", "content");
    await using served = await serve({ fileSystem, limits: { address: { commandRate: 100 } } });
    const facts: string[] = [];
    served.server.on("limited", ({ limit, scope }) => void facts.push(`${scope}.${limit}`));
    const crowd = await Promise.all(Array.from({ length: 10 }, () => served.user()));
    const [asked, begun] = [fileSystem.asked, performance.now()];
    for (const client of crowd) client.send("SIZE f\r\nMDTM f\r\n".repeat(50));
    await using other = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    await other.login();
    for (let command = 0; command < 20; command++) await other.expect("SIZE f", 213);
    const untroubled = performance.now() - begun;
    await until(() => performance.now() - begun > 1000, 5000, "a second has passed");
    const seconds = (performance.now() - begun) / 1000;
    // Twice as many at once after the pause, then the rate; each session may be one ahead.
    assert.ok(fileSystem.asked - asked - 20 <= 200 + 100 * seconds + 10, `${fileSystem.asked - asked} in ${seconds} s`);
    assert.ok(fileSystem.asked - asked > 150, "they are served");
    assert.ok(untroubled < 500, `another address waited for ${untroubled} ms`);
    assert.deepEqual(new Set(facts), new Set(["address.commandRate"]));
    // Who waits goes at once.
    for (const client of crowd) client.reset();
    await until(() => served.server.sessions.length === 1, 2000, "they are gone");
  });
});

test("S10.10 a rate before the login too: USER without end waits", async () => {
  await using served = await serve({ limits: { address: { commandRate: 20 } } });
  const client = await served.client();
  const begun = performance.now();
  client.send("USER x\r\n".repeat(60));
  for (let reply = 0; reply < 60; reply++) await client.expectReply(331);
  assert.ok(performance.now() - begun > 900, `${performance.now() - begun} ms`);
});

test("S10.10 limits.server.commandRate: who sends a command and leaves, again and again, makes nobody wait", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ limits: { server: { commandRate: 50 } } });
    let [sent, taken] = [0, 0];
    served.server.on("limited", () => void taken++);
    served.server.on("reply", ({ verb }) => void (verb === "NOOP" && taken++));
    for (let round = 0; round < 10; round++) {
      const crowd = await Promise.all(Array.from({ length: 40 }, () => served.client()));
      for (const client of crowd) client.send("NOOP\r\n");
      sent += crowd.length;
      await until(() => taken >= sent, 5000, "each is answered or waits");
      for (const client of crowd) client.reset();
    }
    await until(() => served.server.sessions.length === 0, 2000, "they are gone");
    await using other = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    const begun = performance.now();
    await other.login();
    const waited = performance.now() - begun;
    assert.ok(waited < 1000, `${waited} ms behind 400 commands that nobody waits for`);
  });
});
