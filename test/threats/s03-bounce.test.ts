/** PORT and EPRT that send the server to somebody else (RFC 2577 §3): refused, and nobody is ever connected to. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { begin, collect, type DataListener, download, eprtCommand, listen, offer, portCommand } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";

const SMTP = "EHLO x\r\nMAIL FROM:<evil>\r\n";

/** A server, a client, and listeners at addresses that are not the client's; in the end nobody may have come to them. */
async function withVictims(
  options: ServeOptions & { readonly from?: string },
  hosts: readonly string[],
  attack: (
    client: ScriptedClient,
    victims: readonly (DataListener & { readonly host: string })[],
    served: Served,
  ) => Promise<void>,
): Promise<void> {
  const { from, ...rest } = options;
  await assertNoLeaks(async () => {
    await using served = await serve(rest);
    await put(served.fileSystem, "/mail.txt", SMTP);
    const victims = await Promise.all(hosts.map(async (host) => Object.assign(await listen(host), { host })));
    try {
      const host = served.host === "::" ? "127.0.0.1" : served.host;
      const client = await ScriptedClient.connect(served.port, host, from === undefined ? {} : { localAddress: from });
      await using _ = client;
      await client.login();
      await attack(client, victims, served);
      await client.assertQuiet();
      for (const victim of victims) assert.equal(victim.arrivals, 0, `${victim.host} was connected to`);
    } finally {
      for (const victim of victims) await victim.close();
    }
  });
}

/** The command is refused, and no transfer goes anywhere afterwards. */
async function assertRefused(client: ScriptedClient, line: string): Promise<void> {
  await client.expect(line, 500, 501, 504, 522);
  for (const transfer of ["LIST", "RETR mail.txt"]) await client.expect(transfer, 425);
}

function otherAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

describe("S3.1 S3.4 an address that is not the client's", () => {
  test("S3.1 is refused by PORT and EPRT, whichever interface it is on", () =>
    withVictims({}, ["127.0.0.2", "127.1.2.3", "::1", ...otherAddresses()], async (client, victims) => {
      for (const { host, port } of victims) {
        if (net.isIPv4(host)) await assertRefused(client, portCommand(host, port));
        await assertRefused(client, eprtCommand(host, port));
      }
    }));

  test("S3.1 is refused too where the server's own address is meant", () =>
    withVictims({ from: "127.0.0.2" }, ["127.0.0.1"], async (client, [victim], served) => {
      for (const port of [victim?.port ?? 0, served.port]) {
        await assertRefused(client, portCommand("127.0.0.1", port));
        await assertRefused(client, eprtCommand("127.0.0.1", port));
      }
    }));

  test("S3.1 does not take the place of the address that was accepted before", () =>
    withVictims({}, ["127.0.0.2"], async (client, [victim]) => {
      await using offered = await offer(client, "PORT");
      await client.expect(portCommand("127.0.0.2", victim?.port ?? 0), 504);
      await client.expect(eprtCommand("127.0.0.2", victim?.port ?? 0), 504);
      await client.expect("PORT 1,2,3", 501);
      await client.expect("TYPE I", 200);
      const [, socket] = await begin(client, "RETR mail.txt", offered);
      assert.equal((await collect(socket)).toString(), SMTP);
      await client.expectReply(226);
    }));

  test("S3.1 means nothing before login, and what was accepted is forgotten with the user", () =>
    withVictims({ allowRelogin: true }, ["127.0.0.2"], async (client, [victim], served) => {
      await using own = await listen("127.0.0.1").then((listener) =>
        Object.assign(listener, { [Symbol.asyncDispose]: () => listener.close() }),
      );
      await using stranger = await served.client();
      await stranger.expect(portCommand("127.0.0.1", own.port), 530);
      await stranger.expect(portCommand("127.0.0.2", victim?.port ?? 0), 530);
      for (const forget of [
        ["REIN", 220],
        ["USER test", 331],
        ["ABOR", 226],
        ["EPSV", 229],
      ] as const) {
        await client.expect(portCommand("127.0.0.1", own.port), 200);
        await client.expect(forget[0], forget[1]);
        if (forget[1] === 220) await client.login();
        if (forget[1] === 331) await client.expect("PASS secret", 230);
        if (forget[1] === 229) await client.expect("ABOR", 226);
        await client.expect("LIST", 425);
      }
      assert.equal(own.arrivals, 0);
    }));
});

describe("S3.2 addresses inside, and addresses in disguise", () => {
  const INSIDE = [
    "169.254.169.254",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.0.1",
    "0.0.0.0",
    "0.0.0.1",
    "255.255.255.255",
    "224.0.0.1",
    "127.0.0.0",
    "127.255.255.255",
    "127.0.0.2",
  ];
  test("S3.2 inside are refused", () =>
    withVictims({}, ["127.0.0.2"], async (client, [victim]) => {
      for (const host of INSIDE) {
        await assertRefused(client, portCommand(host, victim?.port ?? 0));
        await assertRefused(client, eprtCommand(host, victim?.port ?? 0));
      }
    }));

  const PORTS = [
    "0177,0,0,1,200,1",
    "0x7f,0,0,1,200,1",
    "127.0.0.1,200,1",
    "2130706433,200,1",
    "127,1,200,1",
    "256,0,0,1,200,1",
    "383,0,0,1,200,1",
    "-1,0,0,1,200,1",
    "127,0,0,-1,200,1",
    "127,0,0,1,256,1",
    "127,0,0,1,200,256",
    "127,0,0,1,+200,1",
    "127,0,0,1,2e2,1",
    "127,0,0,1,200",
    "127,0,0,1,200,1,1",
    "127,0,0,1,200,1,",
    ",127,0,0,1,200,1",
    "127,,0,1,200,1",
    "127,0,0,1,,1",
    " 127,0,0,1,200,1",
    "127,0,0,1,200,1 ",
    "127, 0,0,1,200,1",
    "127,0,0,1,200\t,1",
    "127,0,0,1,51201",
    "(127,0,0,1,200,1)",
    "127;0;0;1;200;1",
    "\u0661\u0662\u0667,0,0,1,200,1",
    `${"0".repeat(400)}127,0,0,1,200,1`,
    `${"1,".repeat(4000)}1`,
    "::1,200,1",
    "localhost,200,1",
    "",
  ];
  test("S3.2 PORT takes six plain numbers and nothing else", () =>
    withVictims({}, ["127.0.0.2"], async (client) => {
      for (const argument of PORTS) await assertRefused(client, `PORT ${argument}`);
      await client.expect("PORT", 501);
    }));

  const EXTENDED = [
    "|1|127.1|40000|",
    "|1|0177.0.0.1|40000|",
    "|1|0x7f.0.0.1|40000|",
    "|1|2130706433|40000|",
    "|1|127.0.0.1:40000|40000|",
    "|1|[127.0.0.1]|40000|",
    "|1|localhost|40000|",
    "|1|127.0.0.1 |40000|",
    "|1|127.0.0.1|40000",
    "|1|127.0.0.1|40000||",
    "1|127.0.0.1|40000|",
    "|1|127.0.0.1|40000|x",
    "||127.0.0.1|40000|",
    "|0|127.0.0.1|40000|",
    "|3|127.0.0.1|40000|",
    "|1|::1|40000|",
    "|1||40000|",
    "|1|127.0.0.1||",
    "|1|127.0.0.1|0x9c40|",
    "|1|127.0.0.1|40000.0|",
    "|1|127.0.0.1|+40000|",
    "|1|127.0.0.1|4e4|",
    "|2|127.0.0.1|40000|",
    "|2|::ffff:127.0.0.1|40000|",
    "|2|::ffff:7f00:1|40000|",
    "|2|::127.0.0.1|40000|",
    "|2|::|40000|",
    "|".repeat(8000),
    `|1|${"1".repeat(8000)}|40000|`,
    "",
  ];
  test("S3.2 EPRT takes an address as it is written and nothing else", () =>
    withVictims({}, ["127.0.0.2"], async (client) => {
      for (const argument of EXTENDED) await assertRefused(client, `EPRT ${argument}`);
      await client.expect("EPRT", 501);
    }));
});

describe("S3.3 ports of the system", () => {
  test("S3.3 below 1024, and those that are none, are refused with the client's own address too", () =>
    withVictims({}, [], async (client) => {
      const ports = Array.from({ length: 1024 }, (_, port) => port);
      for (const port of ports) await client.expect(portCommand("127.0.0.1", port), 501, 504);
      for (const port of [...ports, 65_536, 65_537, 99_999, 66_559, 4_294_967_295, -1])
        await client.expect(eprtCommand("127.0.0.1", port), 501, 504);
      for (const port of ["00000000000000000000080", "1023", "0021", "18446744073709551616"])
        await client.expect(`EPRT |1|127.0.0.1|${port}|`, 501, 504);
      await client.expect("LIST", 425);
    }));
});

describe("S3.5 IPv6", () => {
  const FOREIGN = [
    "::",
    "::2",
    "::ffff:127.0.0.1",
    "::ffff:0:1",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%lo",
    "::1%lo",
    "::1%1",
    "ff02::1",
    "ff01::1",
    "fd00::2",
    "[::1]",
    "::1/128",
    "1::1",
    "64:ff9b::7f00:1",
  ];
  test("S3.5 every address but the client's is refused, and zones always", () =>
    withVictims({ host: "::1" }, ["127.0.0.1", "127.0.0.2"], async (client, victims) => {
      for (const host of FOREIGN)
        for (const { port } of victims) await assertRefused(client, `EPRT |2|${host}|${port}|`);
      for (const { host, port } of victims) {
        await assertRefused(client, portCommand(host, port));
        await assertRefused(client, eprtCommand(host, port));
      }
    }));

  test("S3.5 another spelling of the client's address is the client's address", () =>
    withVictims({ host: "::1" }, [], async (client) => {
      for (const host of ["::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0.0.0.1"]) {
        const own = await listen("::1");
        try {
          await client.expect(`EPRT |2|${host}|${own.port}|`, 200);
          client.send("LIST\r\n");
          await client.expectReply(150);
          (await own.accept()).resume();
          await client.expectReply(226);
        } finally {
          await own.close();
        }
      }
    }));

  test("S3.5 on a server for both families, an IPv4 client is bound to its IPv4 address", () =>
    withVictims({ host: "::" }, ["127.0.0.2", "::1"], async (client, [v4, v6]) => {
      await assertRefused(client, portCommand("127.0.0.2", v4?.port ?? 0));
      await assertRefused(client, `EPRT |2|::ffff:127.0.0.2|${v4?.port}|`);
      await assertRefused(client, eprtCommand("::1", v6?.port ?? 0));
      assert((await download(client, "LIST", "PORT")).bytes.length > 0);
    }));
});

describe("S3.8 a connection once made, or refused", () => {
  test("S3.8 is made once for each PORT, and for each transfer", () =>
    withVictims({}, [], async (client) => {
      const own = await listen("127.0.0.1");
      try {
        await client.expect(portCommand("127.0.0.1", own.port), 200);
        client.send("RETR mail.txt\r\n");
        await client.expectReply(150);
        (await own.accept()).resume();
        await client.expectReply(226);
        for (const line of ["RETR mail.txt", "LIST", "STOR x"]) await client.expect(line, 425);
        assert.equal(own.arrivals, 1);
      } finally {
        await own.close();
      }
    }));

  test("S3.8 is not tried again where nobody listens", () =>
    withVictims({}, [], async (client) => {
      const gone = await listen("127.0.0.1");
      await gone.close();
      await client.expect(portCommand("127.0.0.1", gone.port), 200);
      client.send("RETR mail.txt\r\n");
      await client.expectReply(150);
      await client.expectReply(425);
      const late = net.createServer().listen(gone.port, "127.0.0.1");
      await once(late, "listening");
      late.on("connection", () => assert.fail("a second try"));
      for (const line of ["RETR mail.txt", "LIST", "STOR x"]) await client.expect(line, 425);
      await client.assertQuiet();
      late.close();
      await once(late, "close");
    }));

  test("S3.8 is not made at all before the transfer, nor for one that is refused", () =>
    withVictims({}, [], async (client) => {
      const own = await listen("127.0.0.1");
      try {
        await client.expect(portCommand("127.0.0.1", own.port), 200);
        for (const line of ["RETR missing", "LIST missing", "STOR missing/x", "APPE /"])
          await client.expect(line, 550, 553);
        await client.expect("NOOP", 200);
        assert.equal(own.arrivals, 0);
      } finally {
        await own.close();
      }
    }));

  test("S3.6 is never made where the host has switched active mode off", () =>
    withVictims({ active: { enabled: false } }, [], async (client) => {
      const own = await listen("127.0.0.1");
      try {
        await assertRefused(client, portCommand("127.0.0.1", own.port));
        await assertRefused(client, eprtCommand("127.0.0.1", own.port));
        assert.equal(own.arrivals, 0);
      } finally {
        await own.close();
      }
    }));
});
