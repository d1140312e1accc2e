/** What is counted for sessions: whatever comes in whatever order, no count is below zero or above its bound, and all end at zero. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AdmissionStore } from "../../dist/limits/admission-store.js";
import { Allowance } from "../../dist/limits/allowance.js";
import type { Counted } from "../../dist/limits/limits.js";
import { Scope } from "../../dist/limits/scope.js";
import { Scopes } from "../../dist/limits/scopes.js";
import { SharedCounts } from "../../dist/limits/shared-counts.js";
import { until } from "../kit/temporary.js";

const COUNTED: readonly Counted[] = ["sessions", "pending", "transfers"];

/** One session of several, as a server drives it: only what can follow what was. */
class Visitor {
  readonly #scopes: readonly Scope[];
  readonly #accounts: Scopes;
  #allowance = new Allowance([]);
  #account: { readonly name: string; readonly scope: Scope } | undefined;
  #present = false;

  constructor(scopes: readonly Scope[], accounts: Scopes) {
    this.#scopes = scopes;
    this.#accounts = accounts;
  }

  do(what: string, name: string): void {
    if (what === "begin" && !this.#present) {
      // Each connection has its own.
      this.#allowance = new Allowance(this.#scopes);
      this.#present = this.#allowance.begin() === undefined;
    }
    if (!this.#present) return;
    if (what === "logIn" && this.#account === undefined) {
      const scope = this.#accounts.of(name);
      if (this.#allowance.logIn(scope) === undefined) this.#account = { name, scope };
    }
    if (what === "logOut") this.#leave();
    if (what === "beginTransfer") {
      this.#allowance.endTransfer();
      void this.#allowance.beginTransfer();
    }
    if (what === "endTransfer") this.#allowance.endTransfer();
    if (what === "end") this.end();
  }

  end(): void {
    this.#leave();
    this.#allowance.end();
    this.#present = false;
  }

  #leave(): void {
    if (this.#account === undefined) return;
    this.#allowance.logOut(this.#account.scope);
    this.#accounts.release(this.#account.name);
    this.#account = undefined;
  }
}

const bound = fc.integer({ min: 0, max: 3 });
const limits = fc.record({ sessions: bound, pending: bound, transfers: bound });
const step = fc.record({
  who: fc.integer({ min: 0, max: 4 }),
  what: fc.constantFrom("begin", "logIn", "logOut", "beginTransfer", "endTransfer", "end"),
  name: fc.constantFrom("anna", "bert"),
});

test("S9.14 whatever order: no count below zero or, but for what REIN leaves, above its bound, and all end at zero", () => {
  fc.assert(
    fc.property(limits, limits, limits, fc.array(step, { maxLength: 80 }), (ofServer, ofAddress, ofAccount, steps) => {
      const server = new Scope("server", ofServer);
      const address = new Scope("address", ofAddress);
      const accounts = new Scopes("account", ofAccount);
      const visitors = Array.from({ length: 5 }, () => new Visitor([server, address], accounts));
      const all = (): readonly Scope[] => [server, address, accounts.of("anna"), accounts.of("bert")];
      for (const { who, what, name } of steps) {
        visitors[who]?.do(what, name);
        for (const scope of all())
          for (const counted of COUNTED) {
            const [count, most = 0] = [scope.count(counted), scope.limits[counted]];
            assert.ok(count >= 0, `${scope.kind}.${counted} is ${count}`);
            if (counted !== "pending" && most > 0) assert.ok(count <= most, `${scope.kind}.${counted} is ${count}`);
          }
        assert.ok(server.count("pending") <= server.count("sessions"));
      }
      for (const visitor of visitors) visitor.end();
      for (const scope of all()) for (const counted of COUNTED) assert.equal(scope.count(counted), 0, counted);
    }),
    { numRuns: 500 },
  );
});

test("who is refused is counted nowhere", () => {
  const [server, address] = [new Scope("server"), new Scope("address", { sessions: 5, pending: 1 })];
  const [first, second] = [new Allowance([server, address]), new Allowance([server, address])];
  assert.equal(first.begin(), undefined);
  assert.deepEqual(second.begin(), { limit: "pending", scope: "address" });
  second.end();
  for (const scope of [server, address])
    assert.deepEqual(
      COUNTED.map((counted) => scope.count(counted)),
      [1, 1, 0],
    );
});

test("S9.5 who has logged in and out again counts as one who has not logged in", () => {
  const [address, account] = [new Scope("address", { pending: 1 }), new Scope("account")];
  const first = new Allowance([address]);
  assert.equal(first.begin(), undefined);
  assert.equal(first.logIn(account), undefined);
  assert.equal(address.count("pending"), 0);
  first.logOut(account);
  assert.equal(address.count("pending"), 1);
  assert.deepEqual(new Allowance([address]).begin(), { limit: "pending", scope: "address" });
  first.end();
  assert.equal(address.count("pending"), 0);
});

test("the lowest bound counts, the longest wait too", () => {
  const scopes = [
    new Scope("server", { uploadSize: 500, downloadRate: 1000 }),
    new Scope("address", { uploadSize: 0, downloadRate: 100 }),
    new Scope("account", { uploadSize: 200 }),
  ];
  const allowance = new Allowance(scopes);
  assert.deepEqual(allowance.lowest("uploadSize"), { limit: "uploadSize", scope: "account", amount: 200 });
  assert.deepEqual(allowance.lowest("downloadRate"), { limit: "downloadRate", scope: "address", amount: 100 });
  assert.equal(allowance.lowest("commandRate"), undefined);
  for (const [own, expected] of [
    [199, { scope: "session", amount: 199 }],
    [200, { scope: "account", amount: 200 }],
    [Number.POSITIVE_INFINITY, { scope: "account", amount: 200 }],
  ] as const)
    assert.deepEqual(allowance.within("uploadSize", own), { limit: "uploadSize", ...expected });
  assert.deepEqual(allowance.within("listingDepth", 0), { limit: "listingDepth", scope: "session", amount: 0 });
  const wait = allowance.take("downloadRate", 125);
  assert.ok(wait > 900 && wait < 1001, `${wait} ms`);
  assert.equal(allowance.take("commandRate", 1000), 0);
});

test("S13.10 a flood of addresses is forgotten when it is gone", () => {
  const scopes = new Scopes("address", { sessions: 5 });
  for (let address = 0; address < 20_000; address++) {
    const key = String(address);
    const allowance = new Allowance([scopes.of(key)]);
    assert.equal(allowance.begin(), undefined);
    allowance.end();
    if (address % 2 === 0) scopes.release(key);
  }
  assert.ok(scopes.size <= 1100, `${scopes.size}`);
});

test("a scope in which somebody is stays the same", () => {
  const scopes = new Scopes("address", { sessions: 1 });
  const scope = scopes.of("a");
  assert.equal(scope.enter("sessions"), true);
  scopes.release("a");
  for (let address = 0; address < 5000; address++) scopes.of(String(address));
  assert.equal(scopes.of("a"), scope);
  scope.leave("sessions");
  scopes.release("a");
  assert.notEqual(scopes.of("a"), scope);
});

test("who comes back when nobody is in has the bounds of now, also where a rate was used up to the end", async () => {
  const scopes = new Scopes("account");
  const before = scopes.of("anna", { commandRate: 1000 });
  assert.equal(before.enter("sessions"), true);
  before.bucket("commandRate")?.take(20);
  before.leave("sessions");
  scopes.release("anna");
  assert.equal(scopes.of("anna", { sessions: 1 }), before, "the rate is still paid for");
  await until(() => before.idle, 5000, "the rate is paid for");
  assert.deepEqual(scopes.of("anna", { sessions: 1 }).limits, { sessions: 1 });
});

test("who leaves without logging out counts nowhere any more, and never as pending again", async () => {
  const told: string[] = [];
  const store: AdmissionStore = {
    get: () => 0,
    increment: (key, by) => {
      told.push(`${by} ${key.replace(/:\d+$/, "")}`);
      return 1;
    },
    expire: () => undefined,
  };
  // The first half of a span, in which there is no other.
  const counts = new SharedCounts(store, assert.ifError, () => 0);
  const [server, account] = (["server", "account"] as const).map(
    (kind) => new Scope(kind, { sessions: 9, pending: 9 }, { counts, name: kind }),
  ) as [Scope, Scope];
  const allowance = new Allowance([server]);
  assert.equal(await allowance.begin(), undefined);
  assert.equal(await allowance.logIn(account), undefined);
  told.length = 0;
  allowance.end();
  allowance.logOut(account);
  assert.deepEqual(told.toSorted(), ["-1 now:sessions:account", "-1 now:sessions:server"]);
  assert.equal(counts.size, 0);
  assert.deepEqual([server.idle, account.idle], [true, true]);
});
