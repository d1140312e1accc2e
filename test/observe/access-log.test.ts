/** The access log: each field of both forms, and names that want to be lines (S16.1). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type AccessLogOptions, accessLog, Server, type SessionView, type TransferFact } from "../../dist/index.js";
import { jsonLine } from "../../dist/observe/json-line.js";
import { xferlogLine } from "../../dist/observe/xferlog.js";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { type Served, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";

const HOSTILE = [
  "a b",
  "a\tb",
  "a\r\nThu Mar  4 08:12:30 1999 1 h 1 /x b _ o r root ftp 0 * c",
  "\u2028\u2029\u0085",
  "\u202egpj.exe\u2066",
  "\x1b[2J\x07\u009b1m",
  "\ufeff\u200b\u00a0\u3000",
  "\udc80\udcff",
  "\ud800",
  "\0",
];
const CONTROL = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}/u;

const FACT = {
  session: { remoteAddress: "192.0.2.7", username: "anna", admitted: true } as SessionView,
  verb: "RETR",
  path: "/pub/report.pdf",
  bytes: 12_345,
  milliseconds: 2500,
  direction: "download",
  type: "I",
} as const satisfies TransferFact;

const NOW = new Date(1999, 2, 4, 8, 2, 3);

const LINES: readonly (readonly [change: object, complete: boolean, line: string])[] = [
  [{}, true, "Thu Mar  4 08:02:03 1999 3 192.0.2.7 12345 /pub/report.pdf b _ o r anna ftp 0 * c"],
  [{}, false, "Thu Mar  4 08:02:03 1999 3 192.0.2.7 12345 /pub/report.pdf b _ o r anna ftp 0 * i"],
  [{ type: "A", direction: "upload" }, true, "… 3 192.0.2.7 12345 /pub/report.pdf a _ i r anna ftp 0 * c"],
  [{ milliseconds: 0, bytes: 0 }, true, "… 1 192.0.2.7 0 /pub/report.pdf b _ o r anna ftp 0 * c"],
  [{ path: "/a b\tc" }, true, "… 3 192.0.2.7 12345 /a_b_c b _ o r anna ftp 0 * c"],
  [{ path: "/Grüße €" }, true, "… 3 192.0.2.7 12345 /Grüße_€ b _ o r anna ftp 0 * c"],
  ...["anonymous", "ftp"].map((username): readonly [object, boolean, string] => [
    { session: { ...FACT.session, remoteAddress: "2001:db8::1", username } },
    true,
    `… 3 2001:db8::1 12345 /pub/report.pdf b _ o a ${username} ftp 0 * c`,
  ]),
  [
    { session: { ...FACT.session, username: "a b" } },
    true,
    "… 3 192.0.2.7 12345 /pub/report.pdf b _ o r a_b ftp 0 * c",
  ],
  [
    { session: { ...FACT.session, username: "hunter2", admitted: false } },
    false,
    "… 3 192.0.2.7 12345 /pub/report.pdf b _ o r - ftp 0 * i",
  ],
];

suite("xferlog", () => {
  for (const [change, complete, line] of LINES)
    test(line, () =>
      assert.equal(
        xferlogLine({ ...FACT, ...change }, complete, NOW),
        `${line.replace("…", "Thu Mar  4 08:02:03 1999")}\n`,
      ),
    );

  for (const name of HOSTILE)
    test(`S16.1 ${JSON.stringify(name)} stays one field of one line`, () => {
      for (const change of [{ path: `/${name}` }, { session: { ...FACT.session, username: name } }]) {
        const line = xferlogLine({ ...FACT, ...change }, true, NOW);
        assert.equal(line.indexOf("\n"), line.length - 1);
        assert.doesNotMatch(line, CONTROL);
        assert.equal(line.slice(25, -1).split(" ").length, 13, line);
      }
    });
});

suite("JSON", () => {
  for (const name of HOSTILE)
    test(`S16.1 ${JSON.stringify(name)} stays one field of one line`, () => {
      const record = { time: "now", event: "stored", path: name };
      const line = jsonLine(record);
      assert.equal(line.indexOf("\n"), line.length - 1);
      assert.doesNotMatch(line, CONTROL);
      assert.deepEqual(JSON.parse(line), record);
    });
});

/** A server with a log, and the lines in it. */
async function logged(options?: AccessLogOptions): Promise<{ readonly served: Served; readonly lines: string[] }> {
  const lines: string[] = [];
  const served = await serve({ stallTimeout: 5000 }, (server) =>
    accessLog(server, (line) => lines.push(line), options),
  );
  return { served, lines };
}

/** Whatever can be done, once each. */
async function everything(served: Served): Promise<void> {
  const client = await served.client();
  await client.expect("USER eve", 331);
  await client.expect("PASS x", 530);
  await client.login();
  await client.expect("MKD d", 257);
  await client.expect("TYPE I", 200);
  await upload(client, "STOR d/f", "content");
  await client.expect("TYPE A", 200);
  await download(client, "RETR d/f");
  await download(client, "NLST d");
  await client.expect("RNFR d/f", 350);
  await client.expect("RNTO d/g h", 250);
  await client.expect("DELE d/g h", 250);
  await client.expect("RMD d", 250);
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "APPE part", offered);
  socket.write("123");
  await until(() => served.server.metrics().bytes.in === 10);
  reset(socket);
  await client.expectReply(426);
  await client.expect("QUIT", 221);
}

suite("accessLog", () => {
  test("xferlog: files that moved, complete or not, and nothing else", () =>
    assertNoLeaks(async () => {
      const { served, lines } = await logged();
      await using _served = served;
      await everything(served);
      assert.deepEqual(
        lines.map((line) => line.slice(24)),
        [
          " 1 127.0.0.1 7 /d/f b _ i r test ftp 0 * c\n",
          " 1 127.0.0.1 7 /d/f a _ o r test ftp 0 * c\n",
          " 1 127.0.0.1 3 /part a _ i r test ftp 0 * i\n",
        ],
      );
      for (const line of lines) assert(Math.abs(Date.parse(line.slice(0, 24)) - Date.now()) < 60_000, line);
    }));

  test("json: everything, one object a line", async () => {
    const { served, lines } = await logged({ format: "json" });
    await using _served = served;
    await everything(served);
    const records = lines.map((line) => JSON.parse(line));
    for (const { time, session, client, milliseconds } of records) {
      assert.equal(new Date(time).toISOString(), time);
      assert.match(session, /^\d+$/);
      assert.equal(client, "127.0.0.1");
      assert(milliseconds === undefined || milliseconds >= 0);
    }
    const user = "test";
    const moved = (event: string, rest: object) => ({ event, user, outcome: "complete", ...rest });
    assert.deepEqual(
      records.map(({ time: _time, session: _session, client: _client, milliseconds: _milliseconds, ...rest }) => rest),
      [
        { event: "loginFailed", over: false },
        { event: "loggedIn", user },
        { event: "directoryMade", user, path: "/d" },
        moved("stored", { direction: "upload", verb: "STOR", path: "/d/f", bytes: 7, type: "I" }),
        moved("retrieved", { direction: "download", verb: "RETR", path: "/d/f", bytes: 7, type: "A" }),
        moved("listed", { direction: "listing", verb: "NLST", path: "/d", bytes: 3, type: "A" }),
        { event: "renamed", user, from: "/d/f", to: "/d/g h" },
        { event: "deleted", user, path: "/d/g h" },
        { event: "directoryRemoved", user, path: "/d" },
        {
          ...moved("aborted", { direction: "upload", verb: "APPE", path: "/part", bytes: 3, type: "A" }),
          outcome: "aborted",
          reason: "DATA_LOST",
        },
      ],
    );
  });

  test("json: the host may say which names of failed logins are shown", async () => {
    const { served, lines } = await logged({ format: "json", failedName: (name) => name.toUpperCase() });
    await using _served = served;
    const client = await served.client();
    await client.expect("USER eve", 331);
    await client.expect("PASS x", 530);
    assert.equal(JSON.parse(lines[0] ?? "").user, "EVE");
  });

  for (const format of ["xferlog", "json"] as const)
    test(`${format}: nothing is written any more once it is stopped, and no listener stays`, async () => {
      const server = new Server<{ readonly id: number }>();
      const heard = () => ["loggedIn", "loginFailed", "retrieved", "stored", "listed", "aborted", "renamed"] as const;
      const stop = accessLog(server, () => undefined, { format });
      assert(heard().some((name) => server.listenerCount(name) === 1));
      stop();
      for (const name of heard()) assert.equal(server.listenerCount(name), 0, name);
    });

  test("where writing fails, that is an error event, and the client does not notice", async () => {
    const errors: unknown[] = [];
    const fail = () => {
      throw new Error("no space");
    };
    await using served = await serve({}, (server) => {
      accessLog(server, fail);
      server.on("error", ({ error }) => void errors.push(error));
    });
    await put(served.fileSystem, "/f", bytesOf(10));
    await download(await served.user(), "RETR f");
    assert.equal(((errors[0] as Error).cause as Error).message, "no space");
  });

  test("a download that the client leaves is incomplete", async () => {
    const { served, lines } = await logged();
    await using _served = served;
    await put(served.fileSystem, "/big", bytesOf(20_000_000));
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR big", offered);
    socket.resume();
    await until(() => socket.bytesRead > 0);
    reset(socket);
    await client.expectReply(426);
    assert.match(lines.join(""), /^.{24} 1 127\.0\.0\.1 \d+ \/big a _ o r test ftp 0 \* i\n$/);
    await collect(socket).catch(() => undefined);
  });

  test("what it is given must be right", () => {
    const server = new Server();
    assert.throws(() => accessLog(server, () => undefined, { format: "csv" as never }), /^TypeError: format must be/);
    assert.throws(() => accessLog(server, "a.log" as never), /^TypeError: write must be/);
  });
});
