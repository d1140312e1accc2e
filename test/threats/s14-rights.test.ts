/** S14.1, S14.2, S14.6, S14.8, S14.9: whatever changes the store needs the right to, by whichever command it comes. */
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  FileSystemError,
  FileSystemWrapper,
  MemoryFileSystem,
  type Permission,
  type RenameOptions,
  readOnly,
  type Server,
  type VirtualPath,
} from "../../dist/index.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { content, exists, names, put, putDirectory } from "../kit/store.js";
import { Attacker, Jail, type Outcome, snapshot } from "./kit-jail.js";

const ALL: readonly Permission[] = [
  "list",
  "read",
  "write",
  "append",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
];

/** What each permission is for. Commands in one entry are sent one after the other; the last one decides. */
const USES: Readonly<Record<Permission, readonly (readonly string[])[]>> = {
  list: [["LIST"], ["LIST -R"], ["NLST"], ["MLSD"], ["STAT d"], ["STAT *"]],
  read: [["RETR f"], ["TYPE A", "SIZE f"], ["HASH f"], ["MD5 f"], ["XCRC f"]],
  write: [
    ["STOR f"],
    ["STOR new"],
    ["STOU"],
    ["STOU f"],
    ["TYPE I", "REST 1", "STOR f"],
    ["TYPE I", "REST 1", "APPE f"],
  ],
  append: [["APPE f"], ["APPE new"]],
  remove: [["DELE f"]],
  makeDirectory: [["MKD new"], ["XMKD d/new"]],
  removeDirectory: [["RMD empty"], ["XRMD empty"]],
  rename: [
    ["RNFR f", "RNTO new"],
    ["RNFR d", "RNTO new"],
  ],
  setTimes: [["MFMT 20200101000000 f"], ["MFF modify=20200101000000; f"], ["SITE UTIME 20200101000000 f"]],
  setMode: [["SITE CHMOD 600 f"], ["MFF UNIX.mode=0600; f"]],
};

const MOVES = /^(RETR|STOR|STOU|APPE|LIST|NLST|MLSD)/;

/** Sends the commands and gives the last reply's code. */
async function use(attacker: Attacker, commands: readonly string[]): Promise<number> {
  let outcome: Outcome | undefined;
  for (const line of commands)
    outcome = MOVES.test(line)
      ? await attacker.move(line, /^(ST|AP)/.test(line) ? "evil" : undefined)
      : await attacker.say(line);
  return outcome?.codes.at(-1) ?? 0;
}

/** A file, an empty directory and one that is not. */
async function furnished(): Promise<MemoryFileSystem> {
  const store = new MemoryFileSystem();
  await put(store, "/f", "content");
  for (const path of ["/empty", "/d"]) await putDirectory(store, path);
  await put(store, "/d/inner", "inner");
  return store;
}

/** Everything in the store that a client could change. */
async function everything(store: MemoryFileSystem, path = "/"): Promise<unknown> {
  const entries: unknown[] = [];
  for await (const { name, type, mode, modified } of store.list(path as VirtualPath)) {
    const below = path === "/" ? `/${name}` : `${path}/${name}`;
    const held = type === "file" ? (await content(store, below)).toString() : await everything(store, below);
    entries.push([name, type, mode, modified?.getTime(), held]);
  }
  return entries;
}

function allowed(permissions: readonly Permission[], options: ServeOptions): Promise<Served> {
  return serve(options, (server: Server) =>
    server.on("login", (login) =>
      login.accept({ fileSystem: options.fileSystem ?? new MemoryFileSystem(), permissions }),
    ),
  );
}

describe("S14.1 S14.6 a permission that is missing", () => {
  for (const permission of ALL)
    test(`${permission}: every command that needs it is refused and nothing changes`, async () => {
      const store = await furnished();
      await using served = await allowed(
        ALL.filter((other) => other !== permission),
        { fileSystem: store, overwriteOnRename: true },
      );
      const before = await everything(store);
      const attacker = new Attacker(await served.user());
      for (const commands of USES[permission]) {
        const code = await use(attacker, commands);
        assert([450, 502, 504, 550, 553].includes(code), `${commands.join()}: ${code}`);
      }
      assert.deepEqual(await everything(store), before);
      await attacker.client.assertQuiet();
    });

  test("alone it opens its own commands", async () => {
    for (const permission of ALL)
      for (const commands of USES[permission]) {
        const store = await furnished();
        await using served = await allowed([permission], { fileSystem: store });
        const code = await use(new Attacker(await served.user()), commands);
        assert([200, 212, 213, 226, 250, 251, 257].includes(code), `${permission}: ${commands.join()}: ${code}`);
      }
  });

  test("readOnly: all that changes is refused, all that reads works", async () => {
    const store = await furnished();
    await using served = await serve({ fileSystem: readOnly(store), overwriteOnRename: true });
    const before = await everything(store);
    const attacker = new Attacker(await served.user());
    for (const permission of ALL)
      for (const commands of USES[permission]) {
        const code = await use(attacker, commands);
        const reads = permission === "list" || permission === "read";
        assert.equal(code < 400, reads, `${commands.join()}: ${code}`);
      }
    assert.deepEqual(await everything(store), before);
  });
});

/** A tree of which `/ro` cannot be changed. */
class PartlyReadOnly extends FileSystemWrapper {
  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    if ([from, to].some((path) => path.startsWith("/ro"))) throw new FileSystemError("EROFS", to);
    await super.rename(from, to, options);
  }
}

describe("S14.1 RNTO", () => {
  test("into and out of a place that may not be changed: 553, nothing has moved", async () => {
    const store = await furnished();
    await putDirectory(store, "/ro");
    await put(store, "/ro/f", "theirs");
    await using served = await serve({ fileSystem: new PartlyReadOnly(store), overwriteOnRename: true });
    const before = await everything(store);
    const attacker = new Attacker(await served.user());
    for (const [from, to] of [
      ["f", "ro/new"],
      ["f", "ro/f"],
      ["f", "d/../ro/f"],
      ["ro/f", "new"],
      ["d", "ro/d"],
    ] as const)
      assert.deepEqual((await attacker.rename(from, to)).codes, [350, 553], `${from} ${to}`);
    assert.deepEqual(await everything(store), before);
  });

  test("rename without write never replaces a file, whatever overwriteOnRename says", async () => {
    const store = await furnished();
    await put(store, "/g", "other");
    await using served = await allowed(["rename"], { fileSystem: store, overwriteOnRename: true });
    const attacker = new Attacker(await served.user());
    assert.deepEqual((await attacker.rename("f", "g")).codes, [350, 553]);
    assert.equal((await content(store, "/g")).toString(), "other");
    assert.deepEqual((await attacker.rename("f", "h")).codes, [350, 250]);
  });

  test("RNFR is good for the very next command: RNTO behind another one is 503", async () => {
    const store = await furnished();
    await using served = await serve({ fileSystem: store });
    const { client } = new Attacker(await served.user());
    for (const line of ["CWD d", "CDUP", "MKD new", "EPSV", "ALLO 1", "SITE UMASK", "CHMOD", "", "RNFR missing"]) {
      await client.expect("RNFR /f", 350);
      await client.command(line);
      await client.expect("RNTO moved", 503);
    }
    assert(await exists(store, "/f"));
  });

  for (const overwriteOnRename of [false, true])
    test(`S14.2 on a disk, onto what is there and into itself (overwriteOnRename: ${overwriteOnRename})`, async () => {
      await using jail = await Jail.open({ server: { overwriteOnRename } });
      await symlink("dir", join(jail.root, "in"));
      await symlink(join(jail.outside, "canary.txt"), join(jail.root, "out-file"));
      const before = await snapshot(jail.root);
      const attacker = await jail.attacker();
      for (const [from, to] of [
        ["dir", "dir"],
        ["dir", "dir/inside"],
        ["dir", "dir/inside/deeper"],
        ["dir", "in/inside"],
        ["dir", "dir/../dir/x"],
        ["dir", "own.txt"],
        ["own.txt", "dir"],
        ["own.txt", "/"],
        ["own.txt", "own.txt/x"],
        ["own.txt", "nowhere/x"],
      ] as const) {
        const { codes } = await attacker.rename(from, to);
        // Onto itself it may count as done.
        if (from !== to) assert.deepEqual([codes[0], [550, 553].includes(codes[1] ?? 0)], [350, true], `${from} ${to}`);
        assert.deepEqual(await snapshot(jail.root), before, `${from} ${to}`);
      }
      await jail.assertIntact();
    });
});

describe("S14.8 names that the host does not want", () => {
  const CREATING = ["STOR %", "APPE %", "MKD %", "XMKD %", "RNFR f|RNTO %", "RNFR d|RNTO %"];
  const WRITTEN = [".htaccess", "/.htaccess", "d/../.htaccess", ".//./.htaccess", "d/.htaccess", "../../.htaccess"];

  test("are asked about in one form, and no creating command gets past", async () => {
    const store = await furnished();
    const asked = new Set<string>();
    await using served = await serve({ fileSystem: store }, (server) => {
      const check = (path: string, refuse: () => void) => {
        asked.add(path);
        if (path.endsWith("/.htaccess")) refuse();
      };
      server.on("stor", (upload) => check(upload.path, () => upload.reject(553)));
      server.on("mkd", (question) => check(question.path, () => question.reject(553)));
      server.on("rename", (question) => check(question.to, () => question.reject(553)));
    });
    const before = await everything(store);
    const attacker = new Attacker(await served.user());
    for (const name of WRITTEN)
      for (const command of CREATING) {
        const code = await use(attacker, command.replace("%", name).split("|"));
        assert.equal(code, 553, `${command} ${name}`);
      }
    assert.deepEqual([...asked].sort(), ["/.htaccess", "/d/.htaccess"]);
    assert.deepEqual(await everything(store), before);
    assert.equal(await use(attacker, ["STOU .htaccess"]), 226);
    assert(!(await names(store)).includes(".htaccess"), "STOU gives a name that nobody chose");
  });

  test("are hidden dot files on a disk: nothing can be made under such a name, or below", async () => {
    await using jail = await Jail.open({ storage: { dotFiles: "hide" } });
    const before = await snapshot(jail.root);
    const attacker = await jail.attacker();
    for (const name of [".htaccess", ".ftpaccess", "dir/.ssh", ".ssh/authorized_keys", "..."])
      for (const command of ["STOR %", "APPE %", "STOU %", "MKD %", "RNFR own.txt|RNTO %", "RNFR dir|RNTO %"]) {
        const code = await use(attacker, command.replace("%", name).split("|"));
        assert([550, 553].includes(code), `${command} ${name}: ${code}`);
      }
    assert.deepEqual(await snapshot(jail.root), before);
    await jail.assertIntact();
  });
});

test("S14.9 in a drop box nobody reads, lists, moves or removes what was dropped", async () => {
  const store = await furnished();
  await using served = await allowed(["write"], { fileSystem: store });
  const [giver, thief] = [new Attacker(await served.user()), new Attacker(await served.user())];
  assert.equal(await use(giver, ["STOR dropped"]), 226);
  for (const commands of [
    ["RETR dropped"],
    ["TYPE A", "SIZE dropped"],
    ["TYPE A", "REST 1", "RETR dropped"],
    ["LIST"],
    ["NLST d*"],
    ["MLSD"],
    ["STAT /"],
    ["STAT d*"],
    ["APPE dropped"],
    ["DELE dropped"],
    ["RNFR dropped", "RNTO mine"],
    ["MFMT 20200101000000 dropped"],
    ["SITE CHMOD 777 dropped"],
    ["MKD warez"],
  ]) {
    const code = await use(thief, commands);
    assert(code >= 400 && code < 600, `${commands.join()}: ${code}`);
  }
  assert(!thief.seen.includes("evil"), "the content came out");
  assert.equal((await content(store, "/dropped")).toString(), "evil");
  assert.deepEqual(await names(store), ["d", "dropped", "empty", "f"]);
});
