/**
 * What a newcomer tries first: every example runs and does what it says under curl, and the programs of the README
 * compile as they stand there.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { issue, testCertificates } from "../kit/certificates.js";
import { type Finished, requireProgram, run } from "../kit/programs.js";
import { temporaryDirectory, within } from "../kit/temporary.js";
import { PROJECT } from "./source-file.js";

const README = readFileSync(join(PROJECT, "README.md"), "utf8");
const TSC = join(PROJECT, "node_modules/typescript/bin/tsc");
/**
 * What curl exits with: the reply to USER or PASS was no; that to a quoted command was no; that to STOR was no; to RETR;
 * the certificate is not for this host.
 */
const [LOGIN_DENIED, QUOTE_REFUSED, UPLOAD_REFUSED, NOT_FOUND, WRONG_CERTIFICATE] = [67, 21, 25, 78, 60];
/** And with what it ends where the transfer ended early. */
const TRANSFER_FAILED = 18;

/** An example that runs, as its user meets it. */
interface Running {
  /** As printed, with user and password; ends in `/`. */
  readonly url: string;
  /** Runs curl and asserts its exit code. @returns what it printed, replies included with `-v` */
  curl(code: number, ...args: string[]): Promise<Finished>;
  /** Waits until the example has printed this. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** A folder that is removed afterwards: its `TMPDIR`, and what `PREPARED` has made. */
  readonly folder: string;
  readonly signal: (name: NodeJS.Signals) => void;
}

/** What is made before an example starts, by file name. @returns what is added to its environment */
const PREPARED: Readonly<Record<string, (folder: string) => Promise<Readonly<Record<string, string>>>>> = {
  async "ftps-server"(folder) {
    const { ca, server } = await testCertificates();
    const host = await issue({ name: "ftp.example", hosts: ["ftp.example"] }, ca);
    await mkdir(join(folder, "ftp.example"));
    for (const name of ["cert", "key"] as const) {
      await writeFile(join(folder, `${name}.pem`), server[name]);
      await writeFile(join(folder, "ftp.example", `${name}.pem`), host[name]);
    }
    await writeFile(join(folder, "ca.pem"), ca.cert);
    return { CERTIFICATES: folder, IMPLICIT_PORT: "0" };
  },
};

/** What each example promises, by file name. */
const EXAMPLES: Readonly<Record<string, (example: Running) => Promise<void>>> = {
  async "encrypted-files"({ url, curl, printed }) {
    const plain = readFileSync(import.meta.filename);
    await curl(0, "-T", import.meta.filename, `${url}report.txt`);
    const [, stored = ""] = await printed(/^stored (.+)$/m);
    const kept = readFileSync(stored);
    assert.ok(kept.byteLength > plain.byteLength && !kept.includes("import"), "what is kept cannot be read");
    assert.deepEqual(readFileSync(import.meta.filename, "utf8"), (await curl(0, `${url}report.txt`)).stdout);
    assert.equal((await curl(0, "-C", "1000", `${url}report.txt`)).stdout, plain.subarray(1000).toString());
    assert.match((await curl(0, url)).stdout, new RegExp(` ${plain.byteLength} .* report\\.txt\\r?\\n$`));
    await curl(UPLOAD_REFUSED, "-T", import.meta.filename, `${url}report.txt`, "--append");
    kept[40] = (kept[40] ?? 0) ^ 1;
    writeFileSync(stored, kept);
    assert.equal((await curl(TRANSFER_FAILED, `${url}report.txt`)).stdout, "");
  },

  async "ftps-server"({ url, curl, printed, folder, signal }) {
    const trusted = ["--cacert", join(folder, "ca.pem")];
    assert.match((await curl(0, ...trusted, "--ssl-reqd", url)).stdout, / readme\.txt\r?\n$/);
    await printed(/^TLSv1\.3 for no host$/m);
    await curl(LOGIN_DENIED, url);
    const [implicit] = await printed(/^ftps:\/\/\S+\/$/m);
    assert.equal((await curl(0, ...trusted, `${implicit}readme.txt`)).stdout, "hello\n");
    const { port } = new URL(url);
    const named = ["--resolve", `ftp.example:${port}:127.0.0.1`, "--ssl-reqd", `ftp://a:b@ftp.example:${port}/`];
    await curl(0, ...trusted, ...named);
    await printed(/^TLSv1\.3 for ftp\.example$/m);
    await rm(join(folder, "ftp.example"), { recursive: true });
    signal("SIGHUP");
    await printed(/^new connections get the certificates of now$/m);
    await curl(WRONG_CERTIFICATE, ...trusted, ...named);
    await rm(join(folder, "key.pem"));
    signal("SIGHUP");
    await printed(/^the certificates stay as they were: .*ENOENT/m);
    await curl(0, ...trusted, "--ssl-reqd", url);
  },
  async "own-command"({ url, curl }) {
    assert.match((await curl(0, url)).stdout, / readme\.txt\r?\n$/);
    assert.equal((await curl(0, `${url}readme.txt`)).stdout, "hello\n");
    const { stderr } = await curl(0, "-v", "-Q", "TIME", "-Q", "SITE TOUCH readme.txt", url);
    assert.match(stderr, /^< 213 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/m);
    assert.match(stderr, /^< 200 Touched/m);
    assert.match((await curl(0, "-v", "-Q", "FEAT", url)).stderr, /^< {2}TIME\r?$/m);
    assert.match((await curl(QUOTE_REFUSED, "-v", "-Q", "SITE TOUCH nothing", url)).stderr, /^< 550 /m);
  },
  async "own-database-store"({ url, curl }) {
    await curl(0, "-T", import.meta.filename, "--ftp-create-dirs", `${url}in/report.txt`);
    assert.equal((await curl(0, `${url}in/report.txt`)).stdout, readFileSync(import.meta.filename, "utf8"));
    assert.equal(
      (await curl(0, "-r", "3-6", `${url}in/report.txt`)).stdout,
      readFileSync(import.meta.filename, "utf8").slice(3, 7),
    );
    await curl(0, "-Q", "RNFR in", "-Q", "RNTO out", url);
    assert.match((await curl(0, "-l", `${url}out/`)).stdout, /^report\.txt\r?\n$/);
    await curl(UPLOAD_REFUSED, "-T", import.meta.filename, `${url}out/report.txt`, "--append");
    await curl(QUOTE_REFUSED, "-Q", "RMD out", url);
    await curl(0, "-Q", "DELE out/report.txt", "-Q", "RMD out", url);
  },
  async "own-file-system"({ url, curl }) {
    assert.match((await curl(0, url)).stdout, / january\.csv\r?\n.* february\.csv\r?\n$/);
    assert.equal((await curl(0, `${url}january.csv`)).stdout, "day,visits\n1,204\n");
    assert.equal((await curl(0, "-C", "11", `${url}january.csv`)).stdout, "1,204\n");
    await curl(0, "-T", import.meta.filename, `${url}march.csv`);
    assert.equal((await curl(0, `${url}march.csv`)).stdout, readFileSync(import.meta.filename, "utf8"));
    await curl(UPLOAD_REFUSED, "-T", import.meta.filename, `${url}march.csv`, "--append");
    await curl(QUOTE_REFUSED, "-Q", "DELE march.csv", url);
    await curl(NOT_FOUND, `${url}april.csv`);
  },
  async "receive-files"({ url, curl, printed }) {
    await curl(0, "-T", import.meta.filename, `${url}picture.jpg`);
    await printed(
      new RegExp(`^camera-7 sent /picture\\.jpg, ${readFileSync(import.meta.filename).byteLength} bytes$`, "m"),
    );
    assert.match((await curl(0, url)).stdout, / picture\.jpg\r?\n$/);
    const refused = await curl(UPLOAD_REFUSED, "-v", "-T", import.meta.filename, `${url}picture.exe`);
    assert.match(refused.stderr, /^< 553 Executables are not accepted/m);
    assert.match((await curl(NOT_FOUND, "-v", "--ignore-content-length", `${url}picture.jpg`)).stderr, /^< 550 /m);
    await curl(QUOTE_REFUSED, "-Q", "DELE picture.jpg", url);
    await curl(LOGIN_DENIED, url.replace(/:[^/]*@/, ":guessed@"));
  },
};

/** What a program prints, from both of its streams. */
class Output {
  #text = "";
  #arrived = () => {};

  constructor({ stdout, stderr }: ChildProcess) {
    for (const stream of [stdout, stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#text += text;
        this.#arrived();
      });
  }

  get text(): string {
    return this.#text;
  }

  /** The first match, waited for. */
  match(pattern: RegExp): Promise<RegExpExecArray> {
    const waiting = async () => {
      for (;;) {
        const found = pattern.exec(this.#text);
        if (found !== null) return found;
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
    };
    return within(waiting(), () => `${pattern}; printed so far: ${this.#text}`);
  }
}

/** Starts an example on a free port, lets `use` have it, and asserts that SIGTERM ends it in order. */
async function running(t: TestContext, name: string, use: (example: Running) => Promise<void>): Promise<void> {
  const program = requireProgram(t, "curl");
  if (program === undefined) return;
  await using temporary = await temporaryDirectory();
  const prepared = await PREPARED[name]?.(temporary.path);
  const child = spawn(process.execPath, [join(PROJECT, ".build/examples", `${name}.js`)], {
    env: { ...process.env, PORT: "0", TMPDIR: temporary.path, ...prepared },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const output = new Output(child);
  const curl = async (code: number, ...args: string[]): Promise<Finished> => {
    const finished = await run(program, ["--silent", "--show-error", "--max-time", "9", ...args]);
    assert.equal(finished.code, code, `curl ${args.join(" ")}\n${finished.stderr}${output.text}`);
    return finished;
  };
  try {
    const [url] = await output.match(/^ftp:\/\/\S+\/$/m);
    const signal = (which: NodeJS.Signals) => void child.kill(which);
    await use({ url, curl, printed: (pattern) => output.match(pattern), folder: temporary.path, signal });
    child.kill("SIGTERM");
    assert.deepEqual(await within(ended, "the end of the example"), [0, null], output.text);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

suite("examples", () => {
  const sources = readdirSync(join(PROJECT, "examples")).filter((file) => file.endsWith(".ts"));

  test("each is driven here", () =>
    assert.deepEqual(sources.map((file) => basename(file, ".ts")).sort(), Object.keys(EXAMPLES).sort()));

  for (const [name, use] of Object.entries(EXAMPLES)) test(name, (t) => running(t, name, use));

  test("the README names each", () => {
    for (const file of sources) assert.ok(README.includes(`(examples/${file})`), file);
  });
});

/** What the programs of the README take from the application around them. */
const APPLICATION = `
interface User { readonly home: string }
declare const users: { verify(name: string, password: string): Promise<User | undefined> };
declare function audit(name: string | undefined, path: string, bytes: number): void;
`;

const TSCONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2023",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(PROJECT, "node_modules/@types")],
  },
};

test("the programs of the README compile", async () => {
  const programs = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, program = ""]) => program);
  assert.ok(programs.length > 0);
  await using folder = await temporaryDirectory();
  await mkdir(join(folder.path, "node_modules"));
  await symlink(PROJECT, join(folder.path, "node_modules/portside"), "junction");
  const files = {
    "package.json": JSON.stringify({ type: "module" }),
    "tsconfig.json": JSON.stringify(TSCONFIG),
    "application.d.ts": APPLICATION,
    ...Object.fromEntries(programs.map((program, index) => [`program-${index + 1}.ts`, program])),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  const { code, stdout } = await run(process.execPath, [TSC, "-p", folder.path], { timeout: 120_000 });
  assert.equal(code, 0, stdout);
});
