/**
 * Random walks through the dialogue, compared with a model of it (RFC 959 §4.1, §5.4), and random cuts of one
 * stream of commands, which must not change the dialogue (RFC 1123 §4.1.2.10).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { download } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { tlsMode } from "../kit/security.js";
import { type Served, serve } from "../kit/serve.js";
import { names } from "../kit/store.js";

/** What the client should be, and what the store should hold: directories end in `/`. */
class Model {
  admitted = false;
  named = false;
  directory = "/";
  rest = 0;
  renaming: string | undefined;
  offered = false;
  extendedOnly = false;
  readonly entries = new Set<string>();

  /** The code that the line is answered with. */
  answer(line: string): number {
    const [verb = "", argument = ""] = line.split(" ");
    const { renaming } = this;
    const wasNamed = this.named;
    this.named = false;
    if (verb !== "NOOP") this.renaming = undefined;
    if (verb === "USER") return this.#user();
    if (verb === "PASS") return this.#pass(wasNamed, argument);
    if (verb === "REIN") return this.#rein();
    if (verb === "NOOP") return 200;
    if (verb === "ABOR") return this.#abort();
    if (!this.admitted) return 530;
    return this.#admitted(verb, argument, renaming);
  }

  #user(): number {
    if (this.admitted) return 503;
    this.named = true;
    this.offered = false;
    this.rest = 0;
    return 331;
  }

  #pass(named: boolean, password: string): number {
    if (this.admitted || !named) return 503;
    this.admitted = password === "secret";
    return this.admitted ? 230 : 530;
  }

  #rein(): number {
    if (tlsMode()?.implicit) return 502;
    Object.assign(this, { admitted: false, directory: "/", rest: 0, offered: false, extendedOnly: false });
    return 220;
  }

  #abort(): number {
    this.offered = false;
    return 226;
  }

  #admitted(verb: string, argument: string, renaming: string | undefined): number {
    switch (verb) {
      case "PWD":
        return 257;
      case "TYPE":
        return 200;
      case "CWD":
        return this.#changeTo(argument);
      case "MKD":
        return this.#make(argument);
      case "RMD":
        return this.#remove(argument);
      case "RNFR":
        return this.#renameFrom(argument);
      case "RNTO":
        return this.#renameTo(renaming, argument);
      case "EPSV":
        if (argument === "ALL") this.extendedOnly = true;
        else this.offered = true;
        return argument === "ALL" ? 200 : 229;
      case "PASV":
        if (this.extendedOnly) return 503;
        this.offered = true;
        return 227;
      case "LIST":
        // The walk never connects; what is offered is only asked for where it is not.
        return 425;
      default:
        return 500;
    }
  }

  #path(name: string): string {
    if (name === "..") return this.directory === "/" ? "/" : this.directory.replace(/[^/]*\/$/, "");
    return `${this.directory}${name}/`;
  }

  #isThere(path: string): boolean {
    return path === "/" || this.entries.has(path);
  }

  #changeTo(name: string): number {
    const path = this.#path(name);
    if (!this.#isThere(path)) return 550;
    this.directory = path;
    return 250;
  }

  #make(name: string): number {
    const path = this.#path(name);
    if (this.#isThere(path) || !this.#isThere(this.directory)) return 550;
    this.entries.add(path);
    return 257;
  }

  #remove(name: string): number {
    const path = this.#path(name);
    const isFull = [...this.entries].some((entry) => entry !== path && entry.startsWith(path));
    if (path === "/" || !this.#isThere(path) || isFull) return 550;
    this.entries.delete(path);
    if (this.directory.startsWith(path)) this.directory = path.replace(/[^/]*\/$/, "");
    return 250;
  }

  #renameFrom(name: string): number {
    const path = this.#path(name);
    if (path === "/" || !this.#isThere(path)) return 550;
    this.renaming = path;
    return 350;
  }

  #renameTo(from: string | undefined, name: string): number {
    if (from === undefined) return 503;
    const to = this.#path(name);
    // As POSIX has it: a rename to the same name does nothing, well.
    if (to === from && this.#isThere(from)) return 250;
    const isAllowed =
      this.#isThere(from) && this.#isThere(this.directory) && !this.#isThere(to) && !to.startsWith(from);
    if (!isAllowed) return 553;
    for (const entry of [...this.entries].filter((known) => known.startsWith(from))) {
      this.entries.delete(entry);
      this.entries.add(to + entry.slice(from.length));
    }
    return 250;
  }
}

const NAME = fc.constantFrom("a", "b", "..");
const LINE = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("USER test", "PASS secret", "PASS secret") },
  { weight: 2, arbitrary: fc.constantFrom("PWD", "NOOP", "TYPE I", "TYPE A", "EPSV", "PASV", "ABOR", "QUUX") },
  { weight: 1, arbitrary: fc.constantFrom("REIN", "EPSV ALL", "PASS wrong") },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom("CWD", "MKD", "MKD", "RMD", "RNFR", "RNTO"), NAME)
      .map((words) => words.join(" ")),
  },
);

/** Every directory of the store, with a `/` at the end. */
async function tree(served: Served, path = "/"): Promise<string[]> {
  const found: string[] = [];
  for (const name of await names(served.fileSystem, path))
    found.push(`${path}${name}/`, ...(await tree(served, `${path}${name}/`)));
  return found;
}

/** Codes that mean the same here: refused by name or by state of the store. */
function same(expected: number, actual: number): boolean {
  return expected === actual || (expected === 553 && actual === 550) || (expected === 503 && actual === 202);
}

test("a random walk is answered as the model says, and leaves what the model has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(LINE, { minLength: 10, maxLength: 60 }), async (lines) => {
      await using served = await serve({ maxLoginAttempts: 0, mayReinitialize: true });
      const client = await served.client();
      const model = new Model();
      for (const line of ["USER test", "PASS secret", ...lines]) {
        const expected = model.answer(line);
        if (expected === 220) {
          await client.reinitialize();
          continue;
        }
        const { code, text } = await client.command(line);
        assert(same(expected, code), `${line}: expected ${expected}, got ${code} ${text}`);
      }
      await client.assertQuiet();
      assert.deepEqual((await tree(served)).sort(), [...model.entries].sort());
      await checkEnd(client, model);
    }),
    { numRuns: 150 },
  );
});

async function checkEnd(client: ScriptedClient, model: Model): Promise<void> {
  if (!model.admitted) return void (await client.expect("PWD", 530));
  const path = (await client.expect("PWD", 257)).text.split('"')[1];
  assert.equal(`${path}/`.replace("//", "/"), model.directory);
  if (!model.offered) await client.expect("LIST", 425);
  await client.expect("CWD /", 250);
  await download(client, "LIST", "EPSV");
}

/** Lines with all kinds of ends and contents; none that waits for a data connection. */
const PIECES = fc.array(
  fc.oneof(
    LINE,
    fc.constantFrom(
      "MKD ä日🎉",
      "MKD  x ",
      'MKD "q"',
      "SITE HELP",
      "FEAT",
      "HELP",
      "OPTS MLST size;",
      "MLST /",
      "STAT /",
      "",
      " ",
      "CWD a\0b",
      "X".repeat(9000),
    ),
  ),
  { minLength: 5, maxLength: 30 },
);

/** The transcript of a stream that is sent in these chunks. */
async function dialogue(chunks: readonly Uint8Array[]): Promise<string> {
  await using served = await serve({ maxLoginAttempts: 0 });
  await using client = await ScriptedClient.connect(served.port);
  for (const chunk of chunks) {
    client.send(chunk);
    await new Promise(setImmediate);
  }
  client.end();
  await client.expectClosed();
  // Ports, times and what depends on them differ from run to run.
  return client.transcript
    .toString()
    .replaceAll(/\(\|\|\|\d+\|\)|\d+,\d+\)|(modify|create|unique)=[^;]*;|\d\d:\d\d/g, "#");
}

test("any chunks of a stream of commands give the same dialogue", async () => {
  await fc.assert(
    fc.asyncProperty(
      PIECES,
      fc.constantFrom("\r\n", "\n"),
      fc.array(fc.nat(), { maxLength: 40 }),
      async (lines, end, cuts) => {
        const stream = Buffer.from(["USER test", "PASS secret", ...lines, "NOOP", ""].join(end));
        const places = [...new Set(cuts.map((cut) => cut % stream.length))].sort((a, b) => a - b);
        const chunks = [...places, stream.length].map((to, index) => stream.subarray(places[index - 1] ?? 0, to));
        assert.equal(await dialogue(chunks), await dialogue([stream]));
      },
    ),
    { numRuns: 60 },
  );
});
