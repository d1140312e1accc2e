/** Who gets in, and the URLs that say so. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Accounts, newPassword } from "../../dist/cli/accounts.js";
import { urlOf } from "../../dist/cli/welcome.js";

const USERS = [
  { name: "anna", password: "a:b" },
  { name: "bob", password: "bob" },
  { name: "ümit", password: "pässword" },
];

const TRIES: readonly (readonly [name: string, password: string, access: string | undefined])[] = [
  ["anna", "a:b", "full"],
  ["anna", "a:b ", undefined],
  ["anna", "A:B", undefined],
  ["anna", "", undefined],
  ["anna", "bob", undefined],
  ["Anna", "a:b", undefined],
  ["ümit", "pässword", "full"],
  ["ümit", "p\udce4ssword", undefined],
  ["nobody", "", undefined],
  ["__proto__", "a:b", undefined],
  ["", "", undefined],
];

suite("accounts", () => {
  for (const [name, password, access] of TRIES)
    test(`${JSON.stringify(name)} with ${JSON.stringify(password)}: ${access ?? "refused"}`, () => {
      assert.equal(new Accounts(USERS, false).access(name, password), access);
      assert.equal(new Accounts(USERS, true).access(name, password), access);
    });

  for (const name of ["anonymous", "ftp"])
    test(`${name} reads with any password where everybody may, and never writes`, () => {
      for (const password of ["", "anna@example.org", "a:b"]) {
        assert.equal(new Accounts(USERS, true).access(name, password), "read-only");
        assert.equal(new Accounts(USERS, false).access(name, password), undefined);
      }
    });

  test("S16.2 a password where the name belongs is not shown", () => {
    const accounts = new Accounts(USERS, false);
    assert.equal(accounts.shown("a:b"), "***");
    assert.equal(accounts.shown("anna"), "anna");
    assert.equal(accounts.shown("nobody"), "nobody");
    assert.equal(accounts.shown("bob"), "bob", "a name is a name, also where it is a password");
  });

  test("passwords that are made up are long, easy to type and never the same", () => {
    const made = Array.from({ length: 100 }, newPassword);
    for (const password of made) assert.match(password, /^[a-z2-9]{16}$/);
    assert.equal(new Set(made).size, 100);
  });

  for (const [host, login, url] of [
    ["127.0.0.1", undefined, "ftp://127.0.0.1:21/"],
    ["::1", undefined, "ftp://[::1]:21/"],
    ["127.0.0.1", { name: "anna" }, "ftp://anna@127.0.0.1:21/"],
    [
      "127.0.0.1",
      { name: "a@b/c", password: "p:?#[]!'() %ü" },
      "ftp://a%40b%2Fc:p%3A%3F%23%5B%5D%21%27%28%29%20%25%C3%BC@127.0.0.1:21/",
    ],
  ] as const)
    test(`RFC 3986 §2.1: ${url}`, () => assert.equal(urlOf(host, 21, login), url));
});
