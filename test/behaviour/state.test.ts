/** What each thing that a client sets survives, and what clears it (RFC 959 §4.1, RFC 2428 §4, RFC 2640 §4, RFC 3659 §5.3). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accepts, begin, collect, download, offer, reset } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { underImplicitTls } from "../kit/security.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { exists, put, putDirectory } from "../kit/store.js";
import { until } from "../kit/temporary.js";

const DIGITS = "0123456789";
/** For tests that need REIN. */
const NO_REIN = underImplicitTls("REIN is refused, for there is no way back under TLS");

async function scene(
  options: ServeOptions = {},
): Promise<{ served: Served; client: ScriptedClient } & AsyncDisposable> {
  const served = await serve({ mayReinitialize: true, ...options });
  await put(served.fileSystem, "/digits", DIGITS);
  await put(served.fileSystem, "/line", "a\n");
  await putDirectory(served.fileSystem, "/d");
  return { served, client: await served.user(), [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/** Sends lines and takes one reply to each, whatever it is. */
async function say(client: ScriptedClient, ...lines: string[]): Promise<void> {
  for (const line of lines) await client.command(line);
}

async function pwd(client: ScriptedClient): Promise<string> {
  return (await client.expect("PWD", 257)).text.split('"')[1] ?? "";
}

/** What the marker is, seen by what RETR sends. */
async function marker(client: ScriptedClient): Promise<number> {
  return DIGITS.length - (await download(client, "RETR /digits")).bytes.length;
}

describe("the login", () => {
  for (const line of ["NOOP", "TYPE I", "CWD /d", "QUUX", "PASS x", "STAT", "ABOR", "USER other"])
    test(`survives ${line}`, async () => {
      await using stage = await scene();
      await say(stage.client, line);
      await stage.client.expect("PWD", 257);
    });

  test("is cleared by REIN, and by USER with allowRelogin", { skip: NO_REIN }, async () => {
    await using stage = await scene({ allowRelogin: true });
    await stage.client.reinitialize();
    await stage.client.expect("PWD", 530);
    await stage.client.login();
    await stage.client.expect("USER test", 331);
    await stage.client.expect("PWD", 530);
  });
});

describe("TYPE", () => {
  const size = async (client: ScriptedClient) => Number((await client.expect("SIZE /line", 213)).text);

  test("is A to begin with (RFC 959 §5.1)", async () => {
    await using stage = await scene();
    assert.equal(await size(stage.client), 3);
  });

  test("survives listings, which are always A, and a new login", async () => {
    await using stage = await scene({ allowRelogin: true });
    const { client } = stage;
    await client.expect("TYPE I", 200);
    for (const command of ["LIST", "NLST", "MLSD"])
      assert.match((await download(client, command)).bytes.toString(), /^([^\r\n]+\r\n)+$/, command);
    await client.login();
    assert.equal(await size(client), 2);
  });

  test("is cleared by REIN", { skip: NO_REIN }, async () => {
    await using stage = await scene();
    await stage.client.expect("TYPE I", 200);
    await stage.client.reinitialize();
    await stage.client.login();
    assert.equal(await size(stage.client), 3);
  });

  test("a refused TYPE, MODE or STRU changes nothing", async () => {
    await using stage = await scene();
    const { client } = stage;
    await client.expect("TYPE I", 200);
    for (const [line, code] of [
      ["TYPE E", 504],
      ["TYPE X", 501],
      ["TYPE", 501],
      ["MODE B", 504],
      ["STRU R", 504],
    ] as const)
      await client.expect(line, code);
    assert.equal(await size(client), 2);
    assert.equal((await download(client, "RETR /line")).bytes.toString(), "a\n");
  });
});

describe("the working directory", () => {
  for (const line of ["TYPE I", "MKD x", "LIST", "CWD missing", "CWD /digits", "REST 1", "NOOP", "OPTS MLST"])
    test(`survives ${line}`, async () => {
      await using stage = await scene();
      await say(stage.client, "CWD /d", line);
      assert.equal(await pwd(stage.client), "/d");
    });

  for (const how of ["REIN", "a new login"])
    test(`is cleared by ${how}`, { skip: how === "REIN" && NO_REIN }, async () => {
      await using stage = await scene({ allowRelogin: true });
      await stage.client.expect("CWD /d", 250);
      if (how === "REIN") await stage.client.reinitialize();
      await stage.client.login();
      assert.equal(await pwd(stage.client), "/");
    });
});

describe("the restart marker", () => {
  const KEEPS = [
    "PASV",
    "EPSV",
    "PORT 127,0,0,1,200,1",
    "EPRT |1|127.0.0.1|40000|",
    "TYPE I",
    "NOOP",
    "SIZE /digits",
    "MDTM /digits",
    "STAT",
  ];
  for (const line of KEEPS)
    test(`survives ${line.split(" ")[0]}`, async () => {
      await using stage = await scene();
      await say(stage.client, "TYPE I", "REST 4", line);
      assert.equal(await marker(stage.client), 4);
    });

  for (const line of ["ABOR", "USER other", "QUUX"])
    test(`is cleared by ${line}`, async () => {
      await using stage = await scene();
      await say(stage.client, "TYPE I", "REST 4", line);
      assert.equal(await marker(stage.client), 0);
    });

  for (const line of ["RETR /missing", "LIST /missing", "NLST /missing", "MLSD /missing", "STOR /missing/x", "APPE /d"])
    test(`is cleared by ${line.split(" ")[0]} that is refused, also for want of an offer`, async () => {
      await using stage = await scene();
      const { client } = stage;
      await say(client, "TYPE I", "EPSV", "REST 4", line);
      assert.equal(await marker(client), 0);
      await say(client, "ABOR", "REST 4", line);
      assert.equal(await marker(client), 0);
    });

  for (const command of ["RETR /digits", "LIST", "NLST", "MLSD"])
    test(`is cleared by ${command} that succeeds`, async () => {
      await using stage = await scene();
      const { client } = stage;
      await client.expect("TYPE I", 200);
      await client.expect("REST 4", 350);
      await download(client, command);
      assert.equal(await marker(client), 0);
    });

  test("is cleared by REIN and by a new login", { skip: NO_REIN }, async () => {
    await using stage = await scene({ allowRelogin: true });
    for (const how of ["REIN", "a new login"]) {
      await say(stage.client, "TYPE I", "REST 4");
      if (how === "REIN") await stage.client.reinitialize();
      await stage.client.login();
      await stage.client.expect("TYPE I", 200);
      assert.equal(await marker(stage.client), 0);
    }
  });

  test("does not change a listing", async () => {
    await using stage = await scene();
    await stage.client.expect("REST 4", 350);
    assert.equal((await download(stage.client, "NLST /d/..")).bytes.toString().split("\r\n").length, 4);
  });
});

describe("the source of a rename", () => {
  for (const line of [
    "PWD",
    "CWD /",
    "TYPE I",
    "PASV",
    "LIST",
    "RETR missing",
    "MKD x",
    "DELE missing",
    "QUUX",
    "SITE HELP",
    "FEAT",
    "REST 0",
    "USER x",
    "SIZE line",
    "SYST",
  ])
    test(`is cleared by ${line}: RNTO is answered with 503`, async () => {
      await using stage = await scene();
      await stage.client.expect("RNFR digits", 350);
      await say(stage.client, line);
      await stage.client.expect("RNTO moved", 503);
      assert(await exists(stage.served.fileSystem, "/digits"));
    });

  test("survives NOOP, which clients send to stay connected", async () => {
    await using stage = await scene();
    await stage.client.expect("RNFR digits", 350);
    await stage.client.expect("NOOP", 200);
    await stage.client.expect("RNTO moved", 250);
  });

  test("S9.8 is cleared by REIN", { skip: NO_REIN }, async () => {
    await using stage = await scene();
    await stage.client.expect("RNFR digits", 350);
    await stage.client.reinitialize();
    await stage.client.login();
    await stage.client.expect("RNTO moved", 503);
  });
});

describe("the data endpoint", () => {
  for (const line of [
    "NOOP",
    "TYPE I",
    "CWD /d",
    "PWD",
    "REST 0",
    "QUUX",
    "RETR missing",
    "SIZE digits",
    "RNFR digits",
    "FEAT",
    "STAT /",
  ])
    test(`survives ${line}`, async () => {
      await using stage = await scene();
      await using offered = await offer(stage.client, "EPSV");
      await say(stage.client, line);
      const [, socket] = await begin(stage.client, "NLST /d", offered);
      await collect(socket);
      await stage.client.expectReply(226);
    });

  for (const how of ["ABOR", "REIN", "USER"])
    test(`is cleared by ${how}`, { skip: how === "REIN" && NO_REIN }, async () => {
      await using stage = await scene({ allowRelogin: true });
      await using offered = await offer(stage.client, "EPSV");
      if (how === "ABOR") await stage.client.expect("ABOR", 226);
      if (how === "REIN") await stage.client.reinitialize();
      if (how !== "ABOR") await stage.client.login();
      await stage.client.expect("LIST", 425);
      assert(!(await accepts(offered.port)));
    });

  test("is used up by a transfer that fails after 150", async () => {
    await using stage = await scene();
    const { client } = stage;
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR x", offered);
    await until(() => stage.served.server.sessions[0]?.transfer?.channel);
    reset(socket);
    await client.expectReply(426);
    await client.expect("LIST", 425);
  });
});

describe("EPSV ALL", () => {
  for (const line of ["NOOP", "ABOR", "TYPE I", "EPSV", "LIST", "EPSV 2"])
    test(`survives ${line}`, async () => {
      await using stage = await scene();
      await stage.client.expect("EPSV ALL", 200);
      await say(stage.client, line);
      await stage.client.expect("PASV", 501, 503);
    });

  test("survives a new login and is cleared by REIN", { skip: NO_REIN }, async () => {
    await using stage = await scene({ allowRelogin: true });
    await stage.client.expect("EPSV ALL", 200);
    await stage.client.login();
    await stage.client.expect("PASV", 501, 503);
    await stage.client.reinitialize();
    await stage.client.login();
    await stage.client.expect("PASV", 227);
  });
});

describe("OPTS MLST", () => {
  const facts = async (client: ScriptedClient) =>
    (await client.expect("FEAT", 211)).lines.find((line) => line.startsWith(" MLST "));

  test("survives a new login and is cleared by REIN", { skip: NO_REIN }, async () => {
    await using stage = await scene({ allowRelogin: true });
    const { client } = stage;
    const before = await facts(client);
    await client.expect("OPTS MLST size;", 200);
    const chosen = await facts(client);
    assert.notEqual(chosen, before);
    await client.login();
    assert.equal(await facts(client), chosen);
    await client.reinitialize();
    assert.equal(await facts(client), before);
  });
});

test("LANG is cleared by REIN", { skip: NO_REIN }, async () => {
  await using stage = await scene();
  await stage.client.expect("LANG en", 200);
  await stage.client.reinitialize();
  assert((await stage.client.expect("FEAT", 211)).lines.some((line) => /^ LANG .*EN\*/i.test(line)));
});

test("a session keeps its state to itself", async () => {
  await using stage = await scene();
  const other = await stage.served.user();
  await say(stage.client, "CWD /d", "TYPE I", "REST 4", "EPSV ALL", "OPTS MLST size;", "RNFR /digits");
  assert.equal(await pwd(other), "/");
  assert.equal((await other.expect("SIZE /line", 213)).text, "3");
  await other.expect("RNTO x", 503);
  await other.expect("PASV", 227);
  assert.equal((await download(other, "RETR /digits")).bytes.toString(), DIGITS);
});
