/** Data connections of clients that came through a proxy: whose they may be, and what a header on them is worth. */
import assert from "node:assert/strict";
import type net from "node:net";
import { describe, test } from "node:test";
import tls from "node:tls";
import type { ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { collect, listen, offer, portCommand } from "../kit/data.js";
import { binaryHeader, binaryHeaderOf, lineHeader } from "../kit/proxy.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { content, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import {
  byteByByte,
  CLIENT,
  dialData,
  ENDS,
  FRONT,
  type Proxied,
  proxied,
  TRUSTED,
  turnedAway,
  VERSIONS,
} from "./kit-proxied.js";

const DIRECT: ServerOptions = { proxy: { from: [TRUSTED] } };
const PASSIVE: ServerOptions = { proxy: { from: [TRUSTED], passive: true } };
const NOBODY = "127.0.0.66";
const BYTES = bytesOf(300_000, 15);

/** A client behind the proxy with an offer at a passive port, and who was turned away there. */
interface OfferedScene extends Pick<Proxied, "server" | "fileSystem"> {
  readonly client: ScriptedClient;
  readonly data: number;
  readonly strangers: readonly (string | undefined)[];
}

function offered(options: ServerOptions, work: (scene: OfferedScene) => Promise<void>): Promise<void> {
  const strangers: (string | undefined)[] = [];
  return proxied(
    async ({ server, fileSystem, through }) => {
      await put(fileSystem, "/file", BYTES);
      const client = await (await through()).login();
      await client.expect("TYPE I", 200);
      await using passive = await offer(client, "EPSV");
      await work({ server, fileSystem, client, data: passive.port, strangers });
    },
    options,
    (server) => server.on("stranger", ({ address }) => void strangers.push(address)),
  );
}

/** What the data connection brings of /file, and the final reply. */
async function retrieve(client: ScriptedClient, socket: net.Socket): Promise<void> {
  await client.expect("RETR file", 150);
  assert((await collect(socket)).equals(BYTES));
  socket.destroy();
  await client.expectReply(226);
}

describe("S15.3 active data connections go to the client that the header tells of", () => {
  test("S15.3 PORT to the proxy is refused, and to the client it is not", () =>
    proxied(async ({ fileSystem, through }) => {
      await put(fileSystem, "/file", BYTES);
      const client = await (await through()).login();
      await client.expect("TYPE I", 200);
      await client.expect(portCommand(TRUSTED, 2000), 504);
      await client.expect(portCommand(FRONT.host, 2000), 504);
      const listener = await listen(CLIENT.host);
      await client.expect(portCommand(CLIENT.host, listener.port), 200);
      client.send("RETR file\r\n");
      await client.expectReply(150);
      const socket = await listener.accept();
      assert((await collect(socket)).equals(BYTES));
      await client.expectReply(226);
      await listener.close();
    }));
});

describe("S15.3 passive ports that are not behind the proxy", () => {
  test("S15.3 PASV tells the address that the client has connected to", () =>
    proxied(async ({ through }) => {
      const client = await (await through()).login();
      assert.match((await client.expect("PASV", 227)).text, /\(127,0,0,99,\d+,\d+\)/);
    }));

  test("S15.3 the client comes itself; the proxy, the client's name on its lips, is a stranger", () =>
    offered(DIRECT, async ({ server, client, data, strangers }) => {
      const proxy = await dialData(data, TRUSTED, lineHeader(ENDS));
      await turnedAway(proxy);
      assert.deepEqual(strangers, [TRUSTED]);
      const channels: unknown[] = [];
      server.on("dataChannel", ({ channel }) => void channels.push(channel.remoteAddress));
      await retrieve(client, await dialData(data, CLIENT.host));
      assert.deepEqual(channels, [CLIENT.host]);
    }));

  test("S15.3 a header of the client's own is data", () =>
    offered(DIRECT, async ({ fileSystem, client, data }) => {
      const socket = await dialData(data, CLIENT.host, lineHeader(ENDS));
      socket.end("rest");
      await client.expect("STOR up", 150);
      await client.expectReply(226);
      socket.destroy();
      assert.equal((await content(fileSystem, "/up")).toString(), `${lineHeader(ENDS).toString()}rest`);
    }));
});

describe("S15.3 passive ports behind the proxy", () => {
  for (const [version, header] of VERSIONS) {
    test(`S15.3 ${version}: the client is whom the header tells of`, () =>
      offered(PASSIVE, async ({ server, client, data, strangers }) => {
        const channels: unknown[] = [];
        server.on("dataChannel", ({ channel }) => {
          const { remoteAddress, remotePort, localAddress, localPort } = channel;
          channels.push([remoteAddress, remotePort, localAddress, localPort]);
        });
        // From another port of the client's, of course.
        const ends = { source: { ...CLIENT, port: 40_002 }, destination: { ...FRONT, port: 50_000 } };
        await retrieve(client, await dialData(data, TRUSTED, header(ends)));
        assert.deepEqual(channels, [[CLIENT.host, 40_002, FRONT.host, 50_000]]);
        assert.deepEqual(strangers, []);
      }));

    test(`S15.3 ${version}: what follows in the same segment is the file`, () =>
      offered(PASSIVE, async ({ fileSystem, client, data }) => {
        const socket = await dialData(data, TRUSTED, Buffer.concat([header(ENDS), BYTES]));
        socket.end();
        await client.expect("STOR up", 150);
        await client.expectReply(226);
        socket.destroy();
        assert((await content(fileSystem, "/up")).equals(BYTES));
      }));

    test(`S15.3 ${version}: an empty file, all in one segment`, () =>
      offered(PASSIVE, async ({ fileSystem, client, data }) => {
        const socket = await dialData(data, TRUSTED);
        socket.end(header(ENDS));
        await client.expect("STOR up", 150);
        await client.expectReply(226);
        socket.destroy();
        assert.equal((await content(fileSystem, "/up")).length, 0);
      }));

    test(`S15.3 ${version}: byte by byte, after 150`, () =>
      offered(PASSIVE, async ({ client, data }) => {
        client.send("RETR file\r\n");
        await client.expectReply(150);
        const socket = await dialData(data, TRUSTED);
        await byteByByte(socket, header(ENDS));
        assert((await collect(socket)).equals(BYTES));
        socket.destroy();
        await client.expectReply(226);
      }));

    test(`S15.3 ${version}: of another client: a stranger, and the right one still comes in`, () =>
      offered(PASSIVE, async ({ client, data, strangers }) => {
        const thief = await dialData(data, TRUSTED, header({ ...ENDS, source: { host: NOBODY, port: 40_001 } }));
        await turnedAway(thief);
        assert.deepEqual(strangers, [NOBODY]);
        await retrieve(client, await dialData(data, TRUSTED, header(ENDS)));
      }));

    test(`S15.3 ${version}: of somebody who is not trusted: not read, a stranger`, () =>
      offered(PASSIVE, async ({ client, data, strangers }) => {
        const thief = await dialData(data, NOBODY, header(ENDS));
        await turnedAway(thief);
        assert.deepEqual(strangers, [NOBODY]);
        await retrieve(client, await dialData(data, TRUSTED, header(ENDS)));
      }));
  }

  test("S15.3 the client may also come itself", () =>
    offered(PASSIVE, async ({ client, data }) => retrieve(client, await dialData(data, CLIENT.host))));

  for (const [title, bytes] of [
    ["a malformed header", Buffer.from("PROXY TCP4 nobody\r\n")],
    ["no header but data", BYTES],
    ["a header that names nobody", binaryHeaderOf(0x20, 0)],
  ] as const)
    test(`S15.3 ${title}: turned away, and the right one still comes in`, () =>
      offered(PASSIVE, async ({ client, data, strangers }) => {
        const socket = await dialData(data, TRUSTED, bytes);
        await turnedAway(socket);
        await until(() => strangers.length === 1);
        await retrieve(client, await dialData(data, TRUSTED, binaryHeader(ENDS)));
      }));

  test("S15.3 one that sends no header keeps nobody waiting, and is cut when the port closes", () =>
    offered({ proxy: { from: [TRUSTED], passive: true, timeout: 0 } }, async ({ client, data }) => {
      const silent = await dialData(data, TRUSTED, Buffer.from("PROXY "));
      await retrieve(client, await dialData(data, TRUSTED, lineHeader(ENDS)));
      await turnedAway(silent);
    }));

  test("S15.3 one that sends no header in time is turned away", () =>
    offered({ proxy: { from: [TRUSTED], passive: true, timeout: 40 } }, async ({ client, data, strangers }) => {
      const silent = await dialData(data, TRUSTED, Buffer.from("PROXY "));
      await turnedAway(silent);
      await until(() => strangers.length === 1);
      await retrieve(client, await dialData(data, TRUSTED, lineHeader(ENDS)));
    }));

  for (const verb of ["RETR", "STOR"])
    test(`S15.3 ${verb} under TLS: the handshake begins behind the header`, async () => {
      const { server: pair, ca } = await testCertificates();
      await proxied(
        async ({ fileSystem, through }) => {
          await put(fileSystem, "/file", BYTES);
          const client = await through();
          await client.negotiate({ version: "TLSv1.3" });
          await client.login();
          await client.expect("TYPE I", 200);
          await using passive = await offer(client, "EPSV");
          const raw = await dialData(passive.port, TRUSTED);
          // The header and the ClientHello leave together.
          raw.cork();
          raw.write(binaryHeader(ENDS));
          const socket = tls.connect({ socket: raw, ca: ca.cert, checkServerIdentity: () => undefined });
          setImmediate(() => raw.uncork());
          await client.expect(`${verb} file`, 150);
          if (verb === "RETR") assert((await collect(socket)).equals(BYTES));
          else socket.end("new");
          await client.expectReply(226);
          if (verb === "STOR") assert.equal((await content(fileSystem, "/file")).toString(), "new");
          socket.destroy();
          raw.destroy();
        },
        { ...PASSIVE, tls: pair },
      );
    });
});
