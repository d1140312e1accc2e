/**
 * The package as its users get it: packed, installed into an empty project without a network, and used
 * from ESM, from CommonJS and from TypeScript.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type RunOptions, run } from "../kit/programs.js";
import { type TemporaryDirectory, temporaryDirectory } from "../kit/temporary.js";
import { PROJECT, parse } from "./source-file.js";

/** What an entry needs besides portside. */
const PEERS: Readonly<Record<string, string>> = {
  "./s3": "@aws-sdk/client-s3",
  "./azure": "@azure/storage-blob",
  "./gcs": "@google-cloud/storage",
  "./prometheus": "prom-client",
  "./redis": "redis",
};

/** Modules of Node that take long to load, and that no server needs. */
const HEAVY = ["http", "https", "http2", "child_process", "worker_threads", "inspector", "readline", "repl", "test"];

const MANIFEST = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
const TSC = join(PROJECT, "node_modules/typescript/bin/tsc");

/** Starts a server, reads its greeting and prints the code. */
const GREET = `
async function greet() {
  const server = new Server({ host: "127.0.0.1", port: 0 });
  server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
  await server.listen();
  const socket = connect(server.addresses[0]?.port ?? 0, "127.0.0.1");
  const [greeting] = await once(socket, "data");
  socket.destroy();
  await server.close();
  console.log(String(greeting).slice(0, 3));
}
void greet();
`;

const NODE_IMPORTS = `import { once } from "node:events";\nimport { connect } from "node:net";\n`;

/** One program in each dialect, by file name. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "esm.mjs": `${NODE_IMPORTS}import { MemoryFileSystem, Server } from "portside";${GREET}`,
  "commonjs.cjs": `const { once } = require("node:events");
const { connect } = require("node:net");
const { MemoryFileSystem, Server } = require("portside");${GREET}`,
  "typescript-esm.mts": `${NODE_IMPORTS}import { type FileSystem, MemoryFileSystem, Server } from "portside";
export const store: FileSystem = new MemoryFileSystem();${GREET}`,
  "typescript-commonjs.cts": `${NODE_IMPORTS}import portside = require("portside");
const { MemoryFileSystem, Server } = portside;
export type Store = portside.FileSystem;${GREET}`,
};

const TSCONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2023",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ["node"],
    typeRoots: [join(PROJECT, "node_modules/@types")],
  },
  files: ["typescript-esm.mts", "typescript-commonjs.cts"],
};

suite("the packed package", () => {
  let folder: TemporaryDirectory;
  let packed: string[];

  const succeed = async (program: string, args: readonly string[], options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await run(program, args, { cwd: folder.path, timeout: 120_000, ...options });
    assert.equal(code, 0, `${program} ${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  };

  before(async () => {
    folder = await temporaryDirectory();
    const destination = ["--ignore-scripts", "--pack-destination", folder.path];
    const [archive] = JSON.parse(await succeed("npm", ["pack", "--json", ...destination], { cwd: PROJECT }));
    packed = archive.files.map((file: { path: string }) => file.path);
    await writeFile(join(folder.path, "package.json"), manifestFor(archive.filename));
    await succeed("npm", ["install", "--offline", "--ignore-scripts", "--install-links", "--cache", "cache"]);
    for (const [name, text] of Object.entries(PROGRAMS)) await writeFile(join(folder.path, name), text);
    await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(TSCONFIG));
  });

  after(() => folder[Symbol.asyncDispose]());

  test("holds the program, its types, its sources, the pages that the README links to and the licence, and nothing else", () => {
    const pages = ["docs/ftps.md", "examples/receive-files.ts", "LICENSE", "README.md", "CHANGELOG.md"];
    for (const path of ["dist/index.js", "dist/index.d.ts", "src/index.ts", ...pages])
      assert.ok(packed.includes(path), path);
    const strange = packed.filter(
      (path) =>
        !/^(?:(?:dist|src)\/|docs\/[a-z0-9.-]+\.md$|examples\/(?:cluster\/)?[a-z0-9-]+\.(?:ts|cfg|sh)$|(?:LICENSE|README\.md|CHANGELOG\.md|package\.json)$)/.test(
          path,
        ),
    );
    assert.deepEqual(strange, []);
  });

  for (const entry of Object.keys(MANIFEST.exports)) {
    const specifier = join("portside", entry);
    const peer = PEERS[entry];
    if (peer !== undefined)
      test(`require("${specifier}") asks for ${peer}, where that is missing`, async () => {
        const program = `try { require("${specifier}"); } catch (error) { console.log(error.code, error.message.includes("${peer}")); }`;
        assert.equal(await succeed(process.execPath, ["-e", program]), "ERR_MODULE_NOT_FOUND true\n");
      });
    else
      test(`require("${specifier}") works`, async () => {
        const program = `console.log(typeof require("${specifier}"))`;
        assert.equal(await succeed(process.execPath, ["-e", program]), "object\n");
      });
  }

  test("its main entry is one file, and loads no adapter of a cloud and nothing heavy", () => {
    const loaded = [...loadedWith("index.ts", join(folder.path, "node_modules/portside/dist"))];
    const files = loaded.filter((name) => name.endsWith(".ts"));
    assert.deepEqual(files, ["index.ts", "portside.ts"], "npm run build joins what tsc alone leaves in many files");
    const others = loaded.filter((name) => !name.endsWith(".ts") && !name.startsWith("node:"));
    assert.deepEqual(others.toSorted(), ["eventemitter3", "tslib/tslib.es6.mjs"]);
    assert.ok(loaded.includes("node:net"), "modules of Node are seen");
    assert.deepEqual(
      loaded.filter((name) => HEAVY.includes(name.replace("node:", ""))),
      [],
    );
  });

  for (const [path, name] of [
    ["errors", "FtpError"],
    ["events/question", "Question"],
    ["server/server", "Server"],
    ["storage/file-system-error", "FileSystemError"],
  ] as const)
    test(`${name} is one class, in a module of its own too`, async () => {
      const program = `const one = require("./node_modules/portside/dist/${path}.js").${name};
        console.log(typeof one, one === require("portside").${name})`;
      assert.equal(await succeed(process.execPath, ["-e", program]), "function true\n");
    });

  for (const name of ["esm.mjs", "commonjs.cjs"])
    test(`${name} runs a server`, async () => {
      assert.equal(await succeed(process.execPath, [name]), "220\n");
    });

  test("TypeScript programs compile, without skipLibCheck, and run a server", async () => {
    await succeed(process.execPath, [TSC, "-p", "."]);
    for (const name of ["typescript-esm.mjs", "typescript-commonjs.cjs"])
      assert.equal(await succeed(process.execPath, [name]), "220\n", name);
  });

  test("its command is installed and refuses an unknown flag", async () => {
    const command = join(folder.path, "node_modules/.bin/portside");
    const { code, stderr } = await run(command, ["--no-such-flag"], { cwd: folder.path });
    assert.notEqual(code, 0);
    assert.match(stderr, /--no-such-flag/);
  });
});

/** A manifest that takes the archive, and its dependencies from this project, so that no network is needed. */
function manifestFor(archive: string): string {
  const own = Object.keys(MANIFEST.dependencies).map((name) => [name, `file:${join(PROJECT, "node_modules", name)}`]);
  return JSON.stringify({ private: true, dependencies: { portside: `file:${archive}`, ...Object.fromEntries(own) } });
}

/** A file of a folder and all that is loaded with it: files as `parse` names them, and modules by their names. */
function loadedWith(path: string, folder: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  const text = readFileSync(join(folder, path.replace(/\.ts$/, ".js")), "utf8");
  for (const next of parse(path, text).imports) loadedWith(next, folder, found);
  return found;
}
