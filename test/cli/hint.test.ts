/** What the journal says of an option that does not fit what clients meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keepJournal } from "../../dist/cli/journal.js";
import { Log } from "../../dist/cli/log.js";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

/** What the journal writes when a client on the internet is told a private address. */
async function written(json: boolean): Promise<string> {
  let out = "";
  const log = new Log({ level: "info", json, out: (text) => (out += text), err: () => undefined });
  await using served = await serve({ proxy: { from: ["127.0.0.1"] } }, (server) =>
    keepJournal(server, log, (name) => name),
  );
  await using client = await ScriptedClient.open(served.port);
  client.raw.write(
    lineHeader({ source: { host: "203.0.113.5", port: 40_000 }, destination: { host: "10.1.2.3", port: 21 } }),
  );
  await client.expectReply(220);
  await client.login();
  await client.expect("PASV", 227);
  await until(() => out.includes("passive.address"));
  return out.split("\n").find((line) => line.includes("passive.address")) ?? "";
}

test("a hint names the client, what is wrong, and the flag that helps", async () => {
  const line = await written(false);
  assert.match(line, / 203\.0\.113\.5 "?test"?: hint: PASV tells clients on the internet to connect to 10\.1\.2\.3,/);
  assert.match(line, /set passive\.address to the public address \(--pasv-address\)$/);
});

test("in JSON it has its option and its text", async () => {
  const { event, option, hint, client } = JSON.parse(await written(true)) as Record<string, string>;
  assert.deepEqual([event, option, client], ["hint", "passive.address", "203.0.113.5"]);
  assert.match(hint ?? "", /^PASV tells .* 10\.1\.2\.3, .* set passive\.address/);
});
