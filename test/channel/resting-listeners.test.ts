/** Ports that rest: for whom they are lent again and when, and that they have an end. */
import assert from "node:assert/strict";
import net from "node:net";
import { mock, test } from "node:test";
import { type Restful, RestingListeners } from "../../dist/channel/resting-listeners.js";
import { accepts, collect, type DataMode, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { clock } from "../limits/clock.js";
import { tenPorts } from "../robustness/kit-ports.js";

/** A port that only tells what becomes of it. */
class Port implements Restful {
  readonly told: string[] = [];
  wake(): void {
    this.told.push("awake");
  }
  close(): void {
    this.told.push("closed");
  }
}

const anyone = (): boolean => true;

/** Lets ports of these clients rest: they have had many transfers. */
function busy(...clients: readonly string[]): RestingListeners<Port> {
  const resting = new RestingListeners<Port>();
  for (const client of clients) for (let count = 0; count < 8; count++) resting.keep(client, new Port());
  assert.equal(resting.size, 0, "a few transfers leave no port open");
  return resting;
}

test("S4.7 a port is lent again to the same client, and not at once", () => {
  using time = clock();
  const resting = busy("anna");
  const port = new Port();
  assert.equal(resting.keep("anna", port), true);
  assert.equal(resting.take("anna", anyone), undefined);
  time.forward(50);
  assert.equal(resting.take("bert", anyone), undefined);
  assert.equal(
    resting.take("anna", () => false),
    undefined,
  );
  assert.equal(resting.take("anna", anyone), port);
  assert.deepEqual(port.told, ["awake"]);
  assert.equal(resting.size, 0);
  assert.equal(resting.take("anna", anyone), undefined);
  resting.close();
});

test("S4.2 which of several is next cannot be known", () => {
  using time = clock();
  const orders = new Set<string>();
  for (let round = 0; round < 50; round++) {
    const resting = busy("anna");
    const ports = Array.from({ length: 4 }, () => new Port());
    for (const port of ports) resting.keep("anna", port);
    time.forward(50);
    const taken = ports.map(() => resting.take("anna", anyone));
    assert.equal(new Set(taken).size, 4);
    orders.add(taken.map((port) => ports.indexOf(port as Port)).join());
    resting.close();
  }
  assert.ok(orders.size > 5, `${orders.size} orders`);
});

test("S4.6 who rests too long is closed, and then no clock runs", (t) => {
  using time = clock();
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const pass = (milliseconds: number): void => {
    time.forward(milliseconds);
    mock.timers.tick(milliseconds);
  };
  const resting = busy("anna", "bert");
  const [old, young] = [new Port(), new Port()];
  resting.keep("anna", old);
  pass(400);
  resting.keep("bert", young);
  pass(200);
  assert.deepEqual([old.told, young.told, resting.size], [["closed"], [], 1]);
  pass(2000);
  assert.deepEqual([young.told, resting.size], [["closed"], 0]);
});

test("S4.6 a client that comes now and then leaves no port open", () => {
  using time = clock();
  const resting = new RestingListeners<Port>();
  for (let round = 0; round < 30; round++) {
    assert.equal(resting.keep("anna", new Port()), false);
    time.forward(200);
  }
  resting.close();
});

test("S13.9 so many rest and no more, and all are closed together", () => {
  const clients = Array.from({ length: 7 }, (_, number) => `client ${number}`);
  const resting = busy("anna", ...clients);
  const ports = Array.from({ length: 256 }, () => new Port());
  for (const [index, port] of ports.entries()) assert.equal(resting.keep(`client ${index % 7}`, port), true);
  assert.equal(resting.keep("anna", new Port()), false);
  resting.close();
  assert.ok(ports.every(({ told }) => told.join() === "closed"));
  assert.equal(resting.size, 0);
});

/** Downloads a file. @returns the port that its bytes came over */
async function download(client: ScriptedClient, localAddress: string, mode: DataMode = "EPSV"): Promise<number> {
  await using offered = await offer(client, mode);
  client.send("RETR file\r\n");
  const socket = await offered.connect({ localAddress });
  await client.expectReply(150);
  assert.equal((await collect(socket)).toString(), "content");
  await client.expectReply(226);
  return offered.port;
}

async function visitor(served: Served, localAddress: string): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress });
  return await client.login();
}

test("S4.4 S4.7 the port of a transfer that is over serves nobody else, nobody in between, and its own client again", () =>
  assertNoLeaks(async () => {
    await using free = await tenPorts();
    const ports = new Set<number>();
    await using served = await serve({ passive: { ports: free.range } });
    await put(served.fileSystem, "/file", "content");
    await using anna = await visitor(served, "127.0.0.2");
    await using bert = await visitor(served, "127.0.0.3");
    let again = 0;
    for (let round = 0; round < 30 || (again === 0 && round < 1000); round++) {
      const one = await download(anna, "127.0.0.2");
      // Whoever comes to a port at rest is turned away before he can say or hear anything.
      const curious = net.connect({ port: one, host: "127.0.0.1", localAddress: "127.0.0.2" });
      curious.on("error", () => undefined).end("STOR");
      assert.equal((await collect(curious).catch(() => Buffer.alloc(0))).length, 0);
      const other = await download(bert, "127.0.0.3", "PASV");
      assert.notEqual(one, other);
      if (ports.has(one)) again++;
      ports.add(one);
      assert.equal(served.server.metrics().passive.leases, 0);
    }
    assert.ok(again > 0);
  }));

test("S4.8 the only port is everybody's, whoever had it last", () =>
  assertNoLeaks(async () => {
    await using free = await tenPorts();
    const [first] = free.range;
    await using served = await serve({ passive: { ports: [first, first] } });
    await put(served.fileSystem, "/file", "content");
    for (let round = 0; round < 10; round++) {
      const from = `127.0.0.${2 + (round % 3)}`;
      await using client = await visitor(served, from);
      assert.equal(await download(client, from), first);
    }
    // Nobody is left after a while, and with the server nothing is.
    await until(async () => !(await accepts(first)), 5000, "the port is closed");
    await using last = await visitor(served, "127.0.0.2");
    await download(last, "127.0.0.2");
    await served.server.close();
    assert.equal(await accepts(first), false);
  }));
