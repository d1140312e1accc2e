/** Stores in a cloud, served by the program: what their flags mean, what is served, and why it does not start. */
import assert from "node:assert/strict";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { explainCloud } from "../../dist/cli/cloud-error.js";
import { openCloudStore } from "../../dist/cli/cloud-store.js";
import { parseFlags } from "../../dist/cli/flags.js";
import { UsageError } from "../../dist/cli/values.js";
import { FileSystemError } from "../../dist/index.js";
import { GcsFake } from "../kit/gcs-fake.js";
import { requireProgram, run } from "../kit/programs.js";
import { S3Fake } from "../kit/s3-fake.js";
import { bucketIn } from "../kit/s3-server.js";
import { bytesOf, temporaryDirectory } from "../kit/temporary.js";
import { PROJECT } from "../project/source-file.js";
import { curl } from "./curl.js";
import { type Listening, MAIN, start } from "./started.js";

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_REGION: "us-east-1" };
/** Files and services that know credentials are not asked. */
const NOTHING_ELSE = {
  AWS_CONFIG_FILE: "nothing",
  AWS_SHARED_CREDENTIALS_FILE: "nothing",
  AWS_EC2_METADATA_DISABLED: "true",
  METADATA_SERVER_DETECTION: "none",
};
// The program takes them from its environment, which is this one; nothing else may tell it of a store.
for (const name of Object.keys(process.env)) if (/^(?:AWS|AZURE|GOOGLE|STORAGE)_/.test(name)) delete process.env[name];
Object.assign(process.env, CREDENTIALS, NOTHING_ELSE);

const MEBIBYTE = 1024 ** 2;

/** Uploads, downloads, lists, renames and deletes with curl. @param look is called when there is a file */
async function useWithCurl(
  t: Parameters<typeof curl>[0],
  program: Listening,
  content: Buffer,
  look: () => Promise<void> | void,
): Promise<void> {
  await using folder = await temporaryDirectory();
  const [from, to] = [join(folder.path, "from"), join(folder.path, "to")];
  await writeFile(from, content);
  const login = "anna:secret";
  await curl(t, ["-T", from, "--ftp-create-dirs", program.at("/in/new.bin", login)]);
  await look();
  await curl(t, ["-o", to, program.at("/in/new.bin", login)]);
  assert.equal((await run("cmp", [from, to])).code, 0);
  assert.match(await curl(t, [program.at("/", login)]), /^d.* in\r?\n$/);
  await curl(t, ["-Q", "RNFR in/new.bin", "-Q", "RNTO in/old.bin", program.at("/", login)]);
  assert.match(await curl(t, ["-l", program.at("/in/", login)]), /^old\.bin\r?\n$/);
  await curl(t, ["-Q", "DELE in/old.bin", "-Q", "RMD in", program.at("/", login)]);
}

async function refused(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const flags = ["--port", "0", ...args];
  const { code, stdout, stderr } = await run(process.execPath, [MAIN, ...flags], { env });
  assert.deepEqual([code, stdout], [1, ""], stderr);
  // The SDK may warn about the age of Node beside.
  return /^portside: .*\n/m.exec(stderr)?.[0] ?? stderr;
}

suite("portside --s3", () => {
  test("serves what lies below the prefix of a bucket, both ways, and nothing beside it", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using fake = await S3Fake.start();
    await using bucket = await bucketIn(fake);
    const content = bytesOf(9 * MEBIBYTE);
    const target = ["--s3", `${bucket.name}/devices/42`, "--endpoint", fake.endpoint];
    await using program = await start(...target, "--user", "anna:secret");
    assert.match(program.stdout, new RegExp(`serves the S3 bucket ${bucket.name}, below devices/42\n`));
    const { objects } = fake.buckets.get(bucket.name) ?? assert.fail("no bucket");
    await useWithCurl(t, program, content, () => {
      assert.deepEqual(objects.get("devices/42/in/new.bin")?.content, content);
      assert.ok([...objects.keys()].every((key) => key.startsWith("devices/42/")));
    });
    assert.ok(fake.count("UploadPart") > 1, "in parts");
    assert.deepEqual([...objects.keys()], []);
    await program.stop();
  });

  test("does not start where the bucket is missing, the store is not there or the region is not known", async () => {
    await using fake = await S3Fake.start();
    const there = ["--s3", "nothing", "--endpoint", fake.endpoint];
    assert.equal(await refused(there), "portside: --s3 nothing: NoSuchBucket; look at the name, or make it first\n");
    const nowhere = ["--s3", "nothing", "--endpoint", "http://127.0.0.1:1"];
    const look = "look at --endpoint, and at the network";
    assert.equal(await refused(nowhere), `portside: --s3 nothing: connect ECONNREFUSED 127.0.0.1:1; ${look}\n`);
    const anonymous = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
    assert.match(
      await refused(there, anonymous),
      /^portside: --s3 nothing: Could not load credentials.*; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, /,
    );
    delete process.env.AWS_REGION;
    const said = await refused(there).finally(() => Object.assign(process.env, CREDENTIALS));
    assert.equal(said, "portside: --s3 nothing: Region is missing; set AWS_REGION\n");
  });
});

suite("what a store or its SDK says, and what to look at", () => {
  const foreign = (cloud: string) => `what answers there does not speak the language of --${cloud}; look at --endpoint`;
  for (const [cloud, cause, said] of [
    ["s3", { name: "SignatureDoesNotMatch", message: "UnknownError" }, /^SignatureDoesNotMatch; look at AWS_SECRET_A/],
    ["s3", { name: "InvalidAccessKeyId", message: "" }, /^InvalidAccessKeyId; look at AWS_ACCESS_KEY_ID$/],
    ["s3", { name: "PermanentRedirect", message: "elsewhere." }, /^PermanentRedirect: elsewhere; look at AWS_REGION$/],
    ["s3", { name: "TimeoutError", message: "late.\nmore" }, /^late\.$/],
    ["s3", { name: "Error", message: "self-signed certificate" }, /; name its .* in NODE_EXTRA_CA_CERTS$/],
    ["s3", { name: "Unknown", message: "UnknownError" }, foreign("s3")],
    ["s3", { name: "Error", message: "@aws-sdk XML parse error: unexpected content." }, foreign("s3")],
    ["azure", { name: "RestError", message: "<html>no</html>" }, foreign("azure")],
    ["azure", { code: "AuthenticationFailed", message: "no" }, /^AuthenticationFailed: no; look at AZURE_STORAGE_KEY,/],
    ["azure", { code: "ContainerNotFound", message: "gone." }, /^ContainerNotFound: gone; look at the name, or make/],
    ["azure", { code: "ResourceNotFound", message: "gone." }, /; look at --endpoint, which ends with the account/],
    [
      "gcs",
      { code: 401, message: "Multiple errors", errors: [{ message: "Anonymous caller" }] },
      /^Anonymous caller; /,
    ],
    ["gcs", { code: 404, message: "Multiple errors", errors: [] }, foreign("gcs")],
    ["gcs", { code: "ENOENT", message: "The file at /a does not exist" }, /; look at GOOGLE_APPLICATION_CREDENTIALS$/],
  ] as const)
    test(`--${cloud}: ${JSON.stringify(cause)}`, () => {
      const explained = explainCloud(new FileSystemError("EIO", "/", { cause }), cloud);
      if (typeof said === "string") assert.equal(explained, said);
      else assert.match(explained, said);
    });
});

suite("a store that does not answer", () => {
  for (const cloud of ["s3", "azure", "gcs"] as const)
    test(`--${cloud} is given up in time, and named`, async () => {
      await using silent = await GcsFake.start("files");
      await using _held = silent.hold();
      const target = { cloud, name: "files", prefix: "", endpoint: silent.endpoint };
      const environment = { AZURE_STORAGE_ACCOUNT: "a", AZURE_STORAGE_KEY: "YQ==" };
      const message = `--${cloud} files: the store has not answered within 0.2 seconds`;
      await assert.rejects(openCloudStore(target, environment, 200), { message });
    });
});

suite("portside --gcs", () => {
  test("serves a bucket both ways", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using fake = await GcsFake.start("incoming");
    const content = bytesOf(9 * MEBIBYTE, 2);
    await using program = await start("--gcs", "incoming", "--endpoint", fake.endpoint, "--user", "anna:secret");
    assert.match(program.stdout, /serves the Google Cloud Storage bucket incoming\n/);
    const { objects } = fake.bucket("incoming");
    await useWithCurl(t, program, content, () => assert.deepEqual(objects.get("in/new.bin")?.body, content));
    assert.deepEqual([...objects.keys()], []);
    await program.stop();
  });

  test("does not start where the bucket is missing", async () => {
    await using fake = await GcsFake.start();
    const said = await refused(["--gcs", "nothing", "--endpoint", fake.endpoint]);
    assert.equal(
      said,
      "portside: --gcs nothing: The specified bucket does not exist; look at the name, or make it first\n",
    );
  });
});

suite("portside --azure", () => {
  test("does not start without credentials, or with two places to go to", async () => {
    const needed =
      "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN";
    assert.equal(await refused(["--azure", "files"]), `portside: --azure files: ${needed}\n`);
    assert.equal(
      await refused(["--azure", "files"], { AZURE_STORAGE_ACCOUNT: "a" }),
      `portside: --azure files: ${needed}\n`,
    );
    const twice = await refused(["--azure", "files", "--endpoint", "http://127.0.0.1:1"], {
      AZURE_STORAGE_CONNECTION_STRING: "AccountName=a;AccountKey=YQ==",
    });
    assert.match(twice, /^portside: --azure files: --endpoint and AZURE_STORAGE_CONNECTION_STRING both say /);
    const broken = await refused(["--azure", "files"], { AZURE_STORAGE_CONNECTION_STRING: "nothing" });
    assert.match(broken, /^portside: --azure files: Invalid URL; look at AZURE_STORAGE_CONNECTION_STRING/);
  });
});

test("without its SDK a store says what to install, exit code 1; all the rest works", async () => {
  await using folder = await temporaryDirectory();
  await cp(join(PROJECT, "dist"), join(folder.path, "dist"), { recursive: true });
  await cp(join(PROJECT, "package.json"), join(folder.path, "package.json"));
  await mkdir(join(folder.path, "node_modules"));
  for (const name of ["eventemitter3", "tslib"])
    await symlink(join(PROJECT, "node_modules", name), join(folder.path, "node_modules", name), "junction");
  const main = join(folder.path, "dist/cli/main.js");
  const peers = { s3: "@aws-sdk/client-s3", azure: "@azure/storage-blob", gcs: "@google-cloud/storage" };
  for (const [cloud, peer] of Object.entries(peers)) {
    const { code, stderr } = await run(process.execPath, [main, `--${cloud}`, "files"]);
    const install = `needs the package ${peer}; install it beside portside: npm install ${peer}`;
    assert.deepEqual([code, stderr], [1, `portside: --${cloud} ${install}\n`]);
  }
  assert.equal((await run(process.execPath, [main, "--version"])).code, 0);
});

suite("flags of stores in a cloud", () => {
  const cloud = "s3";
  const endpoint = undefined;
  for (const [args, expected] of [
    [["--s3", "a"], { cloud, name: "a", prefix: "", endpoint }],
    [["--s3", "a/"], { cloud, name: "a", prefix: "", endpoint }],
    [["--s3", "a/b"], { cloud, name: "a", prefix: "b", endpoint }],
    [["--s3", "a/b c/..d/"], { cloud, name: "a", prefix: "b c/..d/", endpoint }],
    [["--azure", "$web"], { cloud: "azure", name: "$web", prefix: "", endpoint }],
    [
      ["--gcs", "a", "--endpoint", "http://[::1]:80/x"],
      { cloud: "gcs", name: "a", prefix: "", endpoint: "http://[::1]:80/x" },
    ],
  ] as const)
    test(args.join(" "), () => {
      const task = parseFlags(args);
      assert.ok(task.do === "serve");
      assert.deepEqual(task.settings.cloud, expected);
      assert.equal(task.settings.folder, undefined);
    });

  const place = /^--s3 must be NAME or NAME\/PREFIX, as in incoming\/devices, not "/;
  const url = /^--endpoint must be a URL such as https:\/\/storage\.example\.org:9000, without user and query$/;
  for (const [args, message] of [
    ...["", "/", "/a", "s3://a", "a//b", "a/..", "a/./b", "a//", "a b"].map((text) => [["--s3", text], place] as const),
    ...["", "a", "a:9000", "ftp://a", "http://u:secret@a", "http://a?sig=secret", "http://a#b"].map(
      (text) => [["--s3", "a", "--endpoint", text], url] as const,
    ),
    [["--s3"], /^--s3 needs a value: --s3 NAME\/PREFIX/],
    [["--s3", "a", "--gcs", "b"], /^give one store, not --s3 and --gcs$/],
    [["--memory", "--azure", "a"], /^give one store, not --memory and --azure$/],
    [["--gcs", "a", "folder"], /^give either a folder or --gcs, not both$/],
    [["--endpoint", "http://a"], /^--endpoint needs a store: --s3, --azure or --gcs$/],
    [["--memory", "--endpoint", "http://a"], /^--endpoint needs a store: /],
  ] as const)
    test(`${args.join(" ")} is refused`, () => {
      assert.throws(
        () => parseFlags(args),
        (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes("secret"),
      );
    });
});
