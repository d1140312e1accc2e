/** S17.1, S17.2: names that mean something to a database or a directory are names, and nothing is made of them on the way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AdmissionStore, MemoryAdmissionStore } from "../../dist/index.js";
import { download, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { content, names } from "../kit/store.js";
import { STORES } from "../robustness/kit-stores.js";

const NAMES = [
  "' OR '1'='1",
  "x'; DROP TABLE users; --",
  'x" OR ""="',
  "x\\",
  "100%",
  "_",
  "%s%n%x",
  "%{User}e",
  "*",
  "*)(uid=*))(|(uid=*",
  "a,dc=example,dc=org",
  "#{7*7}${7*7}{{7*7}}<%= 7*7 %>",
  "${jndi:ldap://localhost/x}",
  "$where",
  "{ $gt: '' }",
  "return redis.call('FLUSHALL')",
  "KEYS[1]",
  "a:b::c",
];

test("S17.1 S17.2 user names and passwords reach the listener as they were sent, and open nothing", async () => {
  const asked: (readonly [string, string])[] = [];
  await using served = await serve({ maxLoginAttempts: 0 }, (server) =>
    server.on("login", ({ username, password }) => void asked.push([username, password])),
  );
  const client = await served.client();
  const tries = NAMES.flatMap((name) => [[name, "secret"] as const, ["test", name] as const]);
  for (const [name, password] of tries) {
    await client.expect(`USER ${name}`, 331);
    await client.expect(`PASS ${password}`, 530);
  }
  assert.deepEqual(asked, tries);
});

/** Keeps what it is asked about: as a store that many servers share, it is asked about sessions too. */
class KeyKeeper implements AdmissionStore {
  readonly keys = new Set<string>();
  readonly #inner = new MemoryAdmissionStore();

  get(key: string): Promise<number> {
    this.keys.add(key);
    return Promise.resolve(this.#inner.get(key));
  }

  increment(key: string, by: number, milliseconds: number): Promise<number> {
    this.keys.add(key);
    return Promise.resolve(this.#inner.increment(key, by, milliseconds));
  }

  expire(key: string, milliseconds: number): Promise<void> {
    this.keys.add(key);
    return Promise.resolve(this.#inner.expire(key, milliseconds));
  }
}

test("S17.1 a shared store of bans and sessions is asked about digests, never about what a client has sent", async () => {
  const admission = new KeyKeeper();
  await using served = await serve(
    { admission, maxLoginAttempts: 0, bans: { after: 1000 }, limits: { account: { sessions: 9 } } },
    (server) =>
      server.on("login", (login) => {
        if (login.password === "theirs") login.accept({ fileSystem: served.fileSystem });
      }),
  );
  const client = await served.client();
  for (const name of NAMES) {
    await client.expect(`USER ${name}`, 331);
    await client.expect("PASS wrong", 530);
    await (await served.client()).login(name, "theirs");
  }
  assert.equal(served.server.sessions.length, NAMES.length + 1);
  assert(admission.keys.size > 2 * NAMES.length, [...admission.keys].join("\n"));
  for (const key of admission.keys) assert.match(key, /^[a-z]+(:[\w.-]+)*$/);
});

describe("S17.1 files", () => {
  const FILES = NAMES.filter((name) => !name.includes("/"));
  for (const [kind, make] of Object.entries(STORES))
    test(`S17.1 of such names are files like any other, on ${kind}`, async () => {
      await using made = await make();
      await using served = await serve({ fileSystem: made.fileSystem });
      const client = await served.user();
      await client.expect("TYPE I", 200);
      for (const name of FILES) {
        await client.expect(`SIZE ${name}`, 550);
        await upload(client, `STOR ${name}`, name);
        await client.expect(`RNFR ${name}`, 350);
        await client.expect(`RNTO ${name}.2`, 250);
        assert.equal((await content(served.fileSystem, `/${name}.2`)).toString(), name);
        assert.equal((await download(client, `RETR ${name}.2`)).bytes.toString(), name);
      }
      const all = FILES.map((name) => `${name}.2`).sort();
      assert.deepEqual(await names(served.fileSystem), all);
      assert.deepEqual((await download(client, "NLST")).bytes.toString().trimEnd().split("\r\n").sort(), all);
      for (const name of FILES) await client.expect(`DELE ${name}.2`, 250);
      assert.deepEqual(await names(served.fileSystem), []);
    });
});
