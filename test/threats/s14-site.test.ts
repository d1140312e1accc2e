/** S14.3 to S14.7, S14.10: modes, times, SITE and EPSV ALL, in the hands of somebody who means harm. */
import assert from "node:assert/strict";
import { chmod, mkdir, stat, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { begin, download, offer, reset, upload } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { bytesOf, temporaryDirectory } from "../kit/temporary.js";
import { Jail, snapshot } from "./kit-jail.js";

/** The permission bits, set-uid, set-gid and sticky among them. */
async function bitsOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o7777).toString(8);
}

interface Scene extends AsyncDisposable {
  readonly root: string;
  readonly served: Served;
  readonly client: ScriptedClient;
}

/** A folder with one file and one directory. */
async function scene(): Promise<Scene> {
  const folder = await temporaryDirectory();
  const served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
  await put(served.fileSystem, "/f", "12345");
  await putDirectory(served.fileSystem, "/d");
  return {
    root: folder.path,
    served,
    client: await served.user(),
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("S14.3 modes on a disk", () => {
  const SPECIAL = ["4755", "2755", "1777", "6755", "7777", "04755", "01777", "10644", "100644"];
  const WRONG = ["999", "08", "0o644", "0x1ff", "-1", "+x", "u+s", "u=rwxs", "٧٥٥", "7e2", "0.7", "", "00000644"];

  for (const name of ["f", "d"])
    test(`no form of set-uid, set-gid or sticky reaches ${name}: 501 and nothing changes`, async () => {
      await using stage = await scene();
      const before = await bitsOf(join(stage.root, name));
      for (const mode of [...SPECIAL, ...WRONG]) {
        await stage.client.expect(`SITE CHMOD ${mode} ${name}`, 501);
        await stage.client.expect(`MFF UNIX.mode=${mode}; ${name}`, 501, 504);
        assert.equal(await bitsOf(join(stage.root, name)), before, mode);
      }
    });

  test("000 to 777 are set as they are, and take set-uid away", async () => {
    await using stage = await scene();
    for (const [mode, bits] of [
      ["000", "0"],
      ["0777", "777"],
      ["7", "7"],
      ["644", "644"],
    ] as const) {
      await chmod(join(stage.root, "f"), 0o4755);
      await stage.client.expect(`SITE CHMOD ${mode} f`, 200);
      assert.equal(await bitsOf(join(stage.root, "f")), bits);
    }
    // Shown without the bits that no client may set.
    await chmod(join(stage.root, "f"), 0o6755);
    assert.match((await stage.client.expect("MLST f", 250)).lines[1] ?? "", /UNIX\.mode=0755;/);
  });

  test("a link that leads out changes nothing outside, by any command", async () => {
    await using jail = await Jail.open();
    await symlink(join(jail.outside, "canary.txt"), join(jail.root, "out-file"));
    await symlink(jail.outside, join(jail.root, "out"));
    const attacker = await jail.attacker();
    for (const name of ["out-file", "out", "out/canary.txt", "out/sub"])
      for (const line of [
        `SITE CHMOD 777 ${name}`,
        `MFF UNIX.mode=0777; ${name}`,
        `MFMT 19990101000000 ${name}`,
        `SITE UTIME 19990101000000 ${name}`,
      ])
        assert.deepEqual((await attacker.say(line)).codes, [550], line);
    await jail.assertIntact();
  });
});

describe("S14.4 times", () => {
  const WRONG = [
    "00000101000000",
    "20200230000000",
    "20190229000000",
    "20201301000000",
    "20200001000000",
    "20200100000000",
    "20200101240000",
    "20200101006000",
    "20200101000061",
    "99991231235960",
    "100000101000000",
    "-20200101000000",
    "+2020010100000",
    "2020010100000e",
    "0x200101000000",
    "20200101 000000",
    "20200101000000.",
    "20200101000000.1e5",
    "20200101000000,5",
    "",
  ];
  const OLD = new Date("2010-05-06T07:08:09Z");

  test("that no calendar has: 501 by every command, and the time stays", async () => {
    await using stage = await scene();
    await utimes(join(stage.root, "f"), OLD, OLD);
    for (const time of WRONG)
      for (const line of [`MFMT ${time} f`, `MFCT ${time} f`, `MFF modify=${time}; f`, `SITE UTIME ${time} f`]) {
        // A name may begin with digits: "20200101 000000 f" is one for SITE UTIME.
        const { code } = await stage.client.command(line);
        assert([501, 502, 504, 550].includes(code), `${line}: ${code}`);
        assert.notEqual(code === 550 && /^MFMT|^MFF/.test(line), true, `${line}: 550`);
      }
    assert.deepEqual((await stat(join(stage.root, "f"))).mtime, OLD);
  });

  test("the leap second, the past and the future are what the disk then has", async () => {
    await using stage = await scene();
    for (const [sent, kept] of [
      ["20161231235960", "20170101000000"],
      ["19700101000000", "19700101000000"],
      ["20380119031408", "20380119031408"],
      ["21000228235959", "21000228235959"],
      ["20000229120000.999", "20000229120000.999"],
    ] as const) {
      await stage.client.expect(`MFMT ${sent} f`, 213);
      assert.equal((await stage.client.expect("MDTM f", 213)).text, kept);
    }
  });

  test("a reply of success never names a time that the disk has not got", async () => {
    await using stage = await scene();
    for (const year of ["0001", "1066", "1900", "1901", "1969", "2446", "2447", "2500", "9999"]) {
      const { code, text } = await stage.client.command(`MFMT ${year}0101000000 f`);
      if (code !== 213) assert.equal(code, 550, text);
      else assert.equal((await stage.client.expect("MDTM f", 213)).text, /^Modify=(\d+);/.exec(text)?.[1], text);
    }
  });

  test("owner, group, size and type are nobody's to set: 504, and what stands beside them is not set either", async () => {
    await using stage = await scene();
    await utimes(join(stage.root, "f"), OLD, OLD);
    const before = await snapshot(stage.root);
    for (const fact of [
      "UNIX.owner=0",
      "UNIX.group=root",
      "UNIX.uid=0",
      "unix.OWNER=1",
      "size=0",
      "type=dir",
      "perm=adfrw",
    ])
      for (const facts of [
        `${fact};`,
        `modify=20200101000000;${fact};`,
        `UNIX.mode=0777;${fact};`,
        `${fact};UNIX.mode=0777;`,
      ])
        await stage.client.expect(`MFF ${facts} f`, 504);
    assert.deepEqual(await snapshot(stage.root), before);
    assert.deepEqual((await stat(join(stage.root, "f"))).mtime, OLD);
  });
});

describe("S14.5 S14.6 commands that run programs, or copy and link behind the back of the store", () => {
  const SUBCOMMANDS = [
    "EXEC id",
    "EXEC /bin/sh -c id",
    "EXEC ../../bin/sh",
    "CPFR f",
    "CPTO copied",
    "COPY f copied",
    "LINK f linked",
    "SYMLINK /etc/passwd linked",
    "MKDIR made",
    "RMDIR d",
    "RMDIRALL d",
    "CHOWN root f",
    "CHGRP 0 f",
    "PSWD a b",
    "ALIAS f",
    "INDEX x",
    "GROUP x",
    "GPASS x",
    "DISKS",
    "MINFO 19990101000000 *",
  ];

  test("are not there: 530 before login, then 504, and nothing happens", async () => {
    await using stage = await scene();
    const before = await snapshot(stage.root);
    const stranger = await stage.served.client();
    for (const line of SUBCOMMANDS) {
      assert.equal(
        (await stranger.expect(`SITE ${line}`, 530)).text,
        (await stranger.expect("SITE CHMOD 777 f", 530)).text,
      );
      await stage.client.expect(`SITE ${line}`, 504);
      await stage.client.expect(`SITE ${line.toLowerCase()}`, 504);
    }
    for (const line of ["XCPF f", "XCPT g", "EXEC id", "CPFR f", "CPTO g", "COMB g f"]) {
      await stranger.expect(line, 530);
      await stage.client.expect(line, 500);
    }
    assert.deepEqual(await snapshot(stage.root), before);
  });

  test("no name is ever read by a shell or taken for a pipe", async () => {
    await using stage = await scene();
    await mkdir(join(stage.root, "pwn"));
    const before = await snapshot(stage.root);
    for (const name of [
      "|touch pwn/x",
      "$(touch pwn/x)",
      "`touch pwn/x`",
      "f;touch pwn/x",
      "f && touch pwn/x",
      "f|tar -cf - .",
      "f.tar",
      "f.gz",
      "-exec touch pwn/x",
      "--checkpoint-action=exec=touch pwn/x",
      "$HOME",
      "~root",
      "~",
    ]) {
      await stage.client.expect(`SIZE ${name}`, 550);
      for (const verb of ["RETR", "LIST ./"]) {
        await using _offered = await offer(stage.client, "EPSV");
        await stage.client.expect(`${verb} ${name}`.replace("./ ", "./"), 550);
      }
    }
    assert.deepEqual(await snapshot(stage.root), before);
  });
});

describe("S14.7 SITE UMASK and SITE IDLE", () => {
  test("a mask has three octal digits; a wrong one changes nothing, and it is the session's own", async () => {
    await using stage = await scene();
    const other = await stage.served.user();
    await stage.client.expect("SITE UMASK 077", 200);
    for (const mask of ["-1", "8", "999", "1777", "4000", "7777", "0x77", "u=rw", "0 0", "77777777777777777777"])
      await stage.client.expect(`SITE UMASK ${mask}`, 501);
    assert.match((await stage.client.expect("SITE UMASK", 200)).text, /\b0?77\b/);
    await upload(stage.client, "STOR mine", "x");
    await upload(other, "STOR theirs", "x");
    assert.equal(await bitsOf(join(stage.root, "mine")), "600");
    assert.notEqual(await bitsOf(join(stage.root, "theirs")), "600");
  });

  test("with mask 000 a file still is no program, and has no special bits", async () => {
    await using stage = await scene();
    await stage.client.expect("SITE UMASK 000", 200);
    await upload(stage.client, "STOR open", "#!/bin/sh\n");
    await stage.client.expect("MKD made", 257);
    assert.equal(await bitsOf(join(stage.root, "open")), "666");
    assert.equal(await bitsOf(join(stage.root, "made")), "777");
  });

  test("no number makes a session stay longer than the host lets it", async () => {
    for (const [idleTimeout, most] of [
      [120_000, 120],
      [0, 86_400],
    ] as const) {
      await using served = await serve({ idleTimeout });
      const client = await served.user();
      const limit = async () => /(\d+) seconds/.exec((await client.expect("SITE IDLE", 200)).text)?.[1];
      const first = await limit();
      for (const wanted of [
        "999999999",
        "86401",
        "0",
        "-1",
        "1e3",
        "9007199254740993",
        "4294967297",
        "1.5",
        " 5",
        "5 x",
      ])
        await client.expect(`SITE IDLE ${wanted}`, 501);
      assert.equal(await limit(), first);
      await client.expect(`SITE IDLE ${most}`, 200);
      assert.equal(await limit(), String(most));
    }
  });
});

describe("S14.10 EPSV ALL stays", () => {
  for (const [what, fail] of [
    ["a file that is missing", (client: ScriptedClient) => client.expect("RETR missing", 550)],
    ["ABOR without a transfer", (client: ScriptedClient) => client.expect("ABOR", 226)],
    ["a new working directory", (client: ScriptedClient) => client.expect("CWD /", 250)],
    ["a transfer", (client: ScriptedClient) => download(client, "LIST")],
    ["a transfer that the client broke off", breakOff],
    ["a transfer that was aborted midway", abortMidway],
  ] as const)
    test(`after ${what}`, async () => {
      await using served = await serve();
      // More than the buffers of both sides hold: else all may be sent before the client breaks off.
      await put(served.fileSystem, "/f", bytesOf(24_000_000));
      const client = await served.user();
      await client.expect("EPSV ALL", 200);
      await client.expect("EPSV", 229);
      await fail(client);
      for (const line of ["PASV", "PORT 127,0,0,1,200,1", "EPRT |1|127.0.0.1|51201|"])
        await client.expect(line, 501, 503);
      await download(client, "LIST", "EPSV");
    });
});

async function breakOff(client: ScriptedClient): Promise<void> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "RETR f", offered);
  reset(socket);
  await client.expectReply(426);
}

async function abortMidway(client: ScriptedClient): Promise<void> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "STOR g", offered);
  socket.write("content");
  await client.expect("ABOR", 426);
  await client.expectReply(226);
}
