/** The options `proxy`, `allow` and `deny`: what is wrong with them is said at once, by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ListenerOptions, Server, type ServerOptions } from "../../dist/index.js";

type Row = readonly [options: unknown, name: "TypeError" | "RangeError", message: RegExp];

const BAD: readonly Row[] = [
  [{ proxy: "10.0.0.1" }, "TypeError", /proxy must be an object$/],
  [{ proxy: null }, "TypeError", /proxy must be an object$/],
  [{ proxy: {} }, "TypeError", /proxy\.from must name at least one address or network, such as 10\.0\.0\.0\/24$/],
  [{ proxy: { from: [] } }, "TypeError", /proxy\.from must name at least one/],
  [{ proxy: { from: "10.0.0.1" } }, "TypeError", /proxy\.from must be an array of addresses and networks, such as \[/],
  [{ proxy: { from: [1] } }, "TypeError", /proxy\.from must be an array of addresses and networks/],
  [{ proxy: { from: ["lb.test"] } }, "RangeError", /proxy\.from: "lb\.test" is no address and no network$/],
  [{ proxy: { from: ["10.0.0.1/8"] } }, "RangeError", /proxy\.from: "10\.0\.0\.1\/8" has bits set behind its prefix/],
  [
    { proxy: { from: ["::1"], trusted: true } },
    "TypeError",
    /unknown option .*proxy\.trusted; known are from, required/,
  ],
  [
    { proxy: { from: ["::1"], timeout: -1 } },
    "RangeError",
    /proxy\.timeout must be .* from 0 to 2147483647 milliseconds/,
  ],
  [{ proxy: { from: ["::1"], timeout: "1" } }, "TypeError", /proxy\.timeout must be a number of milliseconds/],
  [{ proxy: { from: ["::1"], required: 1 } }, "TypeError", /proxy\.required must be a boolean, not number$/],
  [{ proxy: { from: ["::1"], passive: "yes" } }, "TypeError", /proxy\.passive must be a boolean, not string$/],
  [{ allow: "10.0.0.0/8" }, "TypeError", /allow must be an array of addresses and networks/],
  [{ allow: null }, "TypeError", /allow must be an array of addresses and networks/],
  [{ allow: ["10.0.0.0/33"] }, "RangeError", /allow: "10\.0\.0\.0\/33" is no network: its prefix .* from 0 to 32$/],
  [{ deny: ["::/129"] }, "RangeError", /deny: "::\/129" is no network: its prefix .* from 0 to 128$/],
];

describe("proxy, allow and deny", () => {
  for (const [options, name, message] of BAD) {
    const said = JSON.stringify(options);
    const at = (prefix: string) =>
      new RegExp(`^(?:unknown option )?${prefix}${message.source.replace(/^unknown option \.\*/, "")}`);
    test(`of the server: ${said}`, () =>
      assert.throws(() => new Server(options as ServerOptions), { name, message: at("") }));

    test(`of a listener: ${said}`, () =>
      assert.throws(() => new Server({ listeners: [{}, options as ListenerOptions] }), {
        name,
        message: at("listeners\\[1\\]\\."),
      }));
  }

  test("go with listeners, as what holds for all of them", () => {
    const all = { proxy: { from: ["10.0.0.0/24"] }, allow: ["::/0"], deny: ["192.0.2.1"] };
    assert.doesNotThrow(() => new Server({ ...all, listeners: [{}, { port: 2, ...all }] }));
  });
});
