/** `--workers N`: a worker that dies takes its own sessions with it and nothing else; all of them end together. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { accepts, pour } from "../kit/data.js";
import { requireProgram, run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory, until } from "../kit/temporary.js";
import { BYTES, beginUpload, type Crew, crew, HALF, lives, type Upload, unlessLinux, user, visible } from "./crew.js";

/** Longer than the counts of a dead worker are kept. */
const HEALED = 9000;
/** Sessions at once of an address: more than are needed until each worker has some. */
const MOST = 16;

/** An upload that runs, and the number of the worker that has it. */
interface Placed extends Upload {
  readonly worker: string;
}

/** Begins uploads until there are some, and each of two workers has one. Which worker has a session is the system's choice. */
async function placedUploads(served: Crew): Promise<readonly Placed[]> {
  const placed: Placed[] = [];
  const logins = (): readonly string[] => served.program.lines(/logged in$/);
  while (placed.length < 6 || new Set(placed.map(({ worker }) => worker)).size < 2) {
    assert.ok(placed.length < MOST, "one worker gets nobody");
    const upload = await beginUpload(served, `u${placed.length}`);
    // One comes after the other, so the last login is this one's.
    await until(() => logins().length > placed.length);
    const [, worker = ""] = / \[(\d)\] /.exec(logins().at(-1) ?? "") ?? [];
    placed.push({ ...upload, worker });
  }
  return placed;
}

suite("--workers: one dies", unlessLinux, () => {
  test("its own sessions end, the others' go on, another one comes, and what it counted comes free", async () => {
    await using served = await crew(2, "--limit", `address.sessions=${MOST}`);
    const uploads = await placedUploads(served);
    const [victim = 0] = await served.workers();
    process.kill(victim, "SIGKILL");
    const told = await served.program.line(
      / worker \d has ended \(SIGKILL\), and its sessions with it; another one starts in 0\.25 s$/,
    );
    const [, dead] = / worker (\d) /.exec(told) ?? [];
    await served.program.line(new RegExp(` worker ${dead} listens again$`));
    const ended = await Promise.all(
      uploads.map(async ({ session, socket }) => {
        await pour(socket, BYTES.subarray(HALF)).catch(() => undefined);
        return session.reply().then(
          ({ code }) => code,
          () => 0,
        );
      }),
    );
    assert.deepEqual(
      ended,
      uploads.map(({ worker }) => (worker === dead ? 0 : 226)),
    );
    const kept = uploads.flatMap(({ worker }, index) => (worker === dead ? [] : [`u${index}`]));
    const whole = await visible(served.folder);
    assert.deepEqual(whole, kept.toSorted(), "no half of a file");
    for (const name of whole) assert.deepEqual(await readFile(join(served.folder.path, name)), BYTES);
    const more: ScriptedClient[] = [];
    await until(async () => {
      const client = await ScriptedClient.connect(served.program.port);
      more.push(client);
      return more.filter(({ greeting }) => greeting.code === 220).length === MOST - kept.length;
    }, HEALED);
    await using beyond = await ScriptedClient.connect(served.program.port);
    assert.equal(beyond.greeting.code, 421, "those that live count");
    const { length } = await served.workers();
    assert.equal(length, 2);
    for (const client of more) await client[Symbol.asyncDispose]();
    for (const each of uploads) await each[Symbol.asyncDispose]();
  });

  test("one that dies soon each time is replaced ever later", async () => {
    await using served = await crew(1);
    for (const seconds of ["0.25", "0.5", "1"]) {
      const [victim = 0] = await served.workers();
      process.kill(victim, "SIGKILL");
      await served.program.line(new RegExp(`another one starts in ${seconds} s$`));
      await until(
        async () => served.program.lines(/listens again$/).length === served.program.lines(/has ended/).length,
      );
    }
    await using session = await user(served);
    await session.expect("NOOP", 200);
  });

  test("without the primary no worker stays", async () => {
    await using served = await crew(2);
    await using _session = await user(served);
    served.program.signal("SIGKILL");
    await served.program.ended();
    await until(() => served.pids.every((pid) => !lives(pid)), 5000, "the workers have ended");
  });
});

suite("--workers: the end", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${signal}: idle sessions end with 421, uploads finish, nobody new comes in`, async () => {
      await using served = await crew(2);
      await using idle = await user(served);
      const uploads = await Promise.all(["a", "b", "c", "d"].map((name) => beginUpload(served, name)));
      served.program.signal(signal);
      await idle.expectReply(421);
      await until(async () => !(await accepts(served.program.port)));
      for (const { session, socket } of uploads) {
        await pour(socket, BYTES.subarray(HALF));
        await session.expectReply(226);
        await session.expectReply(421);
        await session[Symbol.asyncDispose]();
      }
      idle.end();
      assert.equal(await served.program.ended(), 0);
      assert.match(
        served.program.stdout,
        / stopping: all running transfers get 10 s to finish; again to stop at once\n/,
      );
      assert.match(served.program.stdout, / stopped\n$/);
      assert.equal(served.program.stderr, "");
      assert.deepEqual(await visible(served.folder), ["a", "b", "c", "d"]);
      for (const name of await visible(served.folder))
        assert.deepEqual(await readFile(join(served.folder.path, name)), BYTES);
    });

  test("under load nothing is lost: each upload is whole, or was refused and is not there", async (t) => {
    const program = requireProgram(t, "curl");
    if (program === undefined) return;
    await using served = await crew(3, "--drain", "20");
    await using source = await temporaryDirectory();
    const file = join(source.path, "file");
    await writeFile(file, BYTES);
    const upload = async (index: number): Promise<readonly [name: string, code: number | null]> => {
      const name = `n${index}`;
      const slowly = ["--limit-rate", "300k", "--max-time", "20"];
      const { code } = await run(program, [
        "-sS",
        "--disable",
        ...slowly,
        "-T",
        file,
        served.program.at(`/${name}`, "anna:one"),
      ]);
      return [name, code];
    };
    const running = Array.from({ length: 20 }, (_, index) => upload(index));
    await until(() => served.program.lines(/logged in$/).length >= 10);
    served.program.signal("SIGTERM");
    running.push(...Array.from({ length: 10 }, (_, index) => upload(20 + index)));
    const results = await Promise.all(running);
    assert.equal(await served.program.ended(), 0);
    const done = results.filter(([, code]) => code === 0).map(([name]) => name);
    assert.ok(done.length >= 1, "some were under way");
    assert.ok(done.length < results.length, "some were refused");
    const there = (await readdir(served.folder.path)).sort();
    assert.deepEqual(there, done.toSorted());
    for (const name of there) assert.deepEqual(await readFile(join(served.folder.path, name)), BYTES);
  });

  test("--drain 1: what does not finish in time is aborted, and leaves nothing", async () => {
    await using served = await crew(2, "--drain", "1");
    await using upload = await beginUpload(served, "a");
    served.program.signal("SIGTERM");
    await upload.session.expectReply(426);
    await upload.session.expectReply(421);
    upload.session.end();
    assert.equal(await served.program.ended(), 0);
    assert.deepEqual(await readdir(served.folder.path), []);
  });

  test("a second signal ends at once, also where a client does not hang up", async () => {
    await using served = await crew(2);
    await using first = await beginUpload(served, "a");
    await using second = await beginUpload(served, "b");
    second.session.socket.pause();
    served.program.signal("SIGTERM");
    await served.program.line(/ stopping: /);
    const since = performance.now();
    served.program.signal("SIGTERM");
    await first.session.expectReply(426);
    assert.equal(await served.program.ended(), 0);
    assert.ok(performance.now() - since < 5000, "the 10 s for transfers have not been waited for");
    assert.deepEqual(await readdir(served.folder.path), []);
  });

  for (const moment of ["while nobody has come in its place yet", "while another one begins"] as const)
    test(`SIGTERM behind the death of a worker, ${moment}`, unlessLinux, async () => {
      await using served = await crew(2);
      const [victim = 0] = await served.workers();
      process.kill(victim, "SIGKILL");
      await served.program.line(/ has ended \(SIGKILL\)/);
      if (moment === "while another one begins") await until(async () => (await served.workers()).length === 2);
      const since = performance.now();
      await served.program.stop();
      assert.ok(performance.now() - since < 5000, "nobody had to be killed");
    });

  test("signals to the workers alone, as from a terminal, end nobody", unlessLinux, async () => {
    await using served = await crew(2);
    await using session = await user(served);
    for (const pid of await served.workers())
      for (const name of ["SIGINT", "SIGTERM"] as const) process.kill(pid, name);
    await session.expect("NOOP", 200);
    assert.deepEqual(await served.workers(), served.pids);
    await session.expect("QUIT", 221);
    await served.program.stop();
  });
});
