/** What PORT, PASV, EPRT and EPSV promise, and when the promise ends (RFC 959 §3.2 and §4.1.2, RFC 2428, RFC 2577). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  accepts,
  begin,
  collect,
  download,
  eprtCommand,
  listen,
  MODES,
  offer,
  parseEpsv,
  parsePasv,
  portCommand,
} from "../kit/data.js";
import { underImplicitTls } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";

/** For tests that need REIN. */
const NO_REIN = underImplicitTls("REIN is refused, for there is no way back under TLS");

/** Closing a listener takes a turn of the event loop; nobody may wait for it longer. */
async function assertGone(port: number, host = "127.0.0.1"): Promise<void> {
  await until(async () => !(await accepts(port, host)), 2000, `port ${port} still accepts connections`);
}

describe("an offer is replaced", () => {
  for (const first of ["PASV", "EPSV"] as const)
    for (const second of MODES)
      test(`${first} then ${second}: the first port is closed, the second works`, async () => {
        await using served = await serve();
        await put(served.fileSystem, "/f", "content");
        const client = await served.user();
        await using old = await offer(client, first);
        assert.equal((await download(client, "RETR f", second)).bytes.toString(), "content");
        await assertGone(old.port);
      });

  for (const second of ["PASV", "EPSV"] as const)
    test(`PORT then ${second}: nothing is connected to the old address`, async () => {
      await using served = await serve();
      await put(served.fileSystem, "/f", "content");
      const client = await served.user();
      const listener = await listen("127.0.0.1");
      await client.expect(portCommand("127.0.0.1", listener.port), 200);
      assert.equal((await download(client, "RETR f", second)).bytes.toString(), "content");
      assert.equal(listener.arrivals, 0);
      await listener.close();
    });

  test("S4.6 of twenty offers in a row only the last port is open, and ports differ", async () => {
    await using served = await serve();
    const client = await served.user();
    const ports: number[] = [];
    for (let round = 0; round < 10; round++) {
      ports.push(parsePasv(await client.expect("PASV", 227)).port);
      ports.push(parseEpsv(await client.expect("EPSV", 229)));
    }
    const last = ports.at(-1) ?? 0;
    // The system may give a port again that was closed before.
    for (const port of new Set(ports)) if (port !== last) await assertGone(port);
    assert(await accepts(last));
    assert(new Set(ports).size > 10, ports.join());
  });
});

describe("an offer is taken back", () => {
  for (const [what, command, code] of [
    ["ABOR", "ABOR", 226],
    ["REIN", "REIN", 220],
    ["QUIT", "QUIT", 221],
  ] as const)
    test(`S4.6 ${what} closes the passive port`, { skip: what === "REIN" && NO_REIN }, async () => {
      await using served = await serve({ mayReinitialize: true });
      const client = await served.user();
      const { port } = parsePasv(await client.expect("PASV", 227));
      await client.expect(command, code);
      await assertGone(port);
    });

  test("S4.6 PASV, ABOR, LIST: 425", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("PASV", 227);
    await client.expect("ABOR", 226);
    await client.expect("LIST", 425);
  });

  test("S4.6 the passive port is closed when the client is gone", async () => {
    for (const leave of ["end", "reset"] as const) {
      await using served = await serve();
      const client = await served.user();
      const port = parseEpsv(await client.expect("EPSV", 229));
      client[leave]();
      await assertGone(port);
    }
  });

  test("without any offer a transfer is refused with 425 and no preliminary reply", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    for (const command of ["LIST", "NLST", "MLSD", "RETR f", "STOR g", "APPE g", "STOU"])
      await client.expect(command, 425);
    await client.assertQuiet();
  });
});

describe("connections that come oddly", () => {
  test("the client connects before the command: 125 or 150 and all is well", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    await using offered = await offer(client, "PASV");
    const socket = await offered.connect();
    await client.expect("RETR f", 125, 150);
    assert.equal((await collect(socket)).toString(), "content");
    await client.expectReply(226);
  });

  test("PASV without a connection: 150, then 425 when dataTimeout has passed", async () => {
    await using served = await serve({ dataTimeout: 100 });
    const client = await served.user();
    const port = parseEpsv(await client.expect("EPSV", 229));
    await client.expect("LIST", 150, 425).then((first) => (first.code === 150 ? client.expectReply(425) : first));
    await assertGone(port);
    await client.assertQuiet();
  });

  test("PORT to where nobody listens: 425 (RFC 959 §5.4)", async () => {
    await using served = await serve();
    const client = await served.user();
    const listener = await listen("127.0.0.1");
    await listener.close();
    await client.expect(portCommand("127.0.0.1", listener.port), 200);
    await client.expect("LIST", 150);
    await client.expectReply(425);
    await client.assertQuiet();
  });

  test("S4.1 a stranger is turned away and the client still gets through", async () => {
    const strangers: (string | undefined)[] = [];
    await using served = await serve({}, (server) => server.on("stranger", ({ address }) => strangers.push(address)));
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const thief = await offered.connect({ localAddress: "127.0.0.2" });
    assert.equal((await collect(thief).catch(() => Buffer.alloc(0))).length, 0);
    const [, socket] = await begin(client, "RETR f", offered);
    assert.equal((await collect(socket)).toString(), "content");
    await client.expectReply(226);
    assert.deepEqual(strangers, ["127.0.0.2"]);
  });

  test("S4.4 a second connection gets nothing and does not disturb the first", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const first = await offered.connect();
    const second = await offered.connect().catch(() => undefined);
    client.send("RETR f\r\n");
    await client.expectReply(125, 150);
    assert.equal((await collect(first)).toString(), "content");
    await client.expectReply(226);
    if (second !== undefined) assert.equal((await collect(second).catch(() => Buffer.alloc(0))).length, 0);
  });

  test("active connections leave from the control connection's local address (RFC 1123 §4.1.2.12)", async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      await using served = await serve({ host });
      const client = await served.user();
      await using offered = await offer(client, "EPRT");
      const [, socket] = await begin(client, "LIST", offered);
      assert.equal(socket.remoteAddress, host);
      await collect(socket);
      await client.expectReply(226);
    }
  });
});

describe("EPSV ALL (RFC 2428 §4)", () => {
  test("PORT, PASV and EPRT are refused from then on, EPSV works", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("EPSV ALL", 200);
    await client.expect(portCommand("127.0.0.1", 40_000), 501, 503);
    await client.expect(eprtCommand("127.0.0.1", 40_000), 501, 503);
    await client.expect("PASV", 501, 503);
    await client.expect("LPRT 4,4,127,0,0,1,2,156,64", 500, 501, 502, 503);
    await download(client, "LIST", "EPSV");
    await client.expect("epsv all", 200);
  });

  test("S14.10 an aborted transfer does not lift it", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("EPSV ALL", 200);
    await client.expect("EPSV", 229);
    await client.expect("LIST", 150);
    client.send("ABOR\r\n");
    await client.expectReply(425, 426);
    await client.expectReply(226);
    await client.expect("PASV", 501, 503);
  });
});

describe("addresses that are refused (RFC 2577)", () => {
  const BAD_PORT = [
    "",
    "1,2,3,4,5",
    "127,0,0,1,200,1,7",
    "127,0,0,1,256,1",
    "127,0,0,1,-1,5",
    "127,0,0,1,a,5",
    "127,0,0,1,1e2,5",
    "127, 0,0,1,200,1",
    "0x7f,0,0,1,200,1",
    "127,0,0,1,200,",
    ",,,,,",
    "127.0.0.1.200.1",
    "127,0,0,1,200,0001000",
  ];
  for (const argument of BAD_PORT)
    test(`S3.2 PORT ${JSON.stringify(argument)}: 501 and no offer`, async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect(`PORT ${argument}`, 501);
      await client.expect("LIST", 425);
    });

  const FOREIGN = [
    "127,0,0,2,200,1",
    "169,254,169,254,0,80",
    "10,0,0,1,200,1",
    "0,0,0,0,200,1",
    "255,255,255,255,200,1",
    "224,0,0,1,200,1",
  ];
  for (const argument of FOREIGN)
    test(`S3.1 PORT ${argument}: not the client's own address, refused`, async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect(`PORT ${argument}`, 500, 501, 504);
      await client.expect("LIST", 425);
    });

  for (const port of [1, 21, 22, 1023])
    test(`S3.3 PORT and EPRT to the low port ${port}: 504 (RFC 2577 §3)`, async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect(portCommand("127.0.0.1", port), 504);
      await client.expect(eprtCommand("127.0.0.1", port), 504, 501);
      await client.expect("LIST", 425);
    });

  const BAD_EPRT = [
    "",
    "|",
    "||||",
    "|1|127.0.0.1|0|",
    "|1|127.0.0.1|65536|",
    "|1|127.0.0.1|99999|",
    "|1|127.0.0.1|-1|",
    "|1|127.0.0.1|4e4|",
    "|1|127.0.0.1|40000",
    "|1|127.1|40000|",
    "|1|0177.0.0.1|40000|",
    "|1|2130706433|40000|",
    "|1|127.0.0.256|40000|",
    "|1|localhost|40000|",
    "|1||40000|",
    "1|127.0.0.1|40000|",
    "|1|127.0.0.1|40000|x",
    "|1|::1|40000|",
  ];
  for (const argument of BAD_EPRT)
    test(`S3.2 EPRT ${JSON.stringify(argument)}: 501 and no offer`, async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect(`EPRT ${argument}`, 501);
      await client.expect("LIST", 425);
    });

  test("EPRT with an unknown family: 522", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("EPRT |3|127.0.0.1|40000|", 522);
    await client.expect("EPRT |0|127.0.0.1|40000|", 501, 522);
  });

  test("S3.5 EPRT: addresses that are not the client's own, in every spelling, are refused", async () => {
    await using served = await serve({ host: "::1" });
    const client = await served.user();
    for (const address of ["::2", "fe80::1", "ff02::1", "::", "::ffff:127.0.0.1"]) {
      await client.expect(eprtCommand(address, 40_000).replace("|1|", "|2|"), 500, 501, 504, 522);
      await client.expect("LIST", 425);
    }
    await client.expect("EPRT |2|fe80::1%eth0|40000|", 501);
    await client.expect("EPRT |2|::1%lo|40000|", 501);
  });

  test("EPRT takes any delimiter and other spellings of the own address", async () => {
    await using served = await serve({ host: "::1" });
    const client = await served.user();
    for (const command of ["EPRT !2!0:0:0:0:0:0:0:1!40000!", "EPRT |2|0::1|40000|", "eprt ~2~::1~40000~"])
      await client.expect(command, 200);
  });

  test("active.enabled: false refuses PORT and EPRT", async () => {
    await using served = await serve({ active: { enabled: false } });
    const client = await served.user();
    await client.expect(portCommand("127.0.0.1", 40_000), 500, 501, 502, 504);
    await client.expect(eprtCommand("127.0.0.1", 40_000), 500, 501, 502, 504);
    await download(client, "LIST", "PASV");
  });
});
