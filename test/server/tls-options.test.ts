/** The options of TLS: each wrong one is named, and what is right is taken. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Server, type ServerOptions } from "../../dist/index.js";
import { type Pair, testCertificates } from "../kit/certificates.js";

let pair: Pair;
let other: Pair;
before(async () => {
  const { ca, server } = await testCertificates();
  pair = server;
  other = ca;
});

/** Options as somebody without types may write them. */
function loose(options: unknown): ServerOptions {
  return options as ServerOptions;
}

describe("wrong options are named", () => {
  const table: readonly (readonly [name: string, tls: () => unknown, error: RegExp])[] = [
    ["not an object", () => 1, /tls must be an object/],
    ["misspelt", () => ({ ...pair, requirecert: true }), /unknown option tls\.requirecert/],
    [
      "keys for tickets, of which each connection has its own",
      () => ({ ...pair, ticketKeys: Buffer.alloc(48) }),
      /unknown option tls\.ticketKeys/,
    ],
    ["requestCert without ca", () => ({ ...pair, requestCert: true }), /tls\.requestCert needs tls\.ca/],
    ["no key", () => ({ cert: pair.cert }), /tls\.cert needs tls\.key/],
    ["no certificate", () => ({ key: pair.key }), /tls\.key needs tls\.cert/],
    [
      "a name of a file",
      () => ({ cert: "cert.pem", key: "key.pem" }),
      /tls\.cert holds .* content of the file, not its name/,
    ],
    ["a name of a file as key", () => ({ ...pair, key: "key.pem" }), /tls\.key holds no private key in PEM/],
    ["a name of a file as ca", () => ({ ...pair, ca: "ca.pem" }), /tls\.ca holds no certificate in PEM/],
    ["garbage among ca", () => ({ ...pair, ca: [pair.cert, Buffer.from("xx")] }), /tls\.ca holds no certificate/],
    ["ciphers", () => ({ ...pair, ciphers: "foo" }), /tls\.ciphers cannot be used/],
    ["sigalgs", () => ({ ...pair, sigalgs: "foo" }), /tls\.sigalgs cannot be used/],
    ["minVersion", () => ({ ...pair, minVersion: "TLSv1.4" }), /tls\.minVersion must be one of TLSv1, TLSv1\.1/],
    ["honorCipherOrder", () => ({ ...pair, honorCipherOrder: "yes" }), /tls\.honorCipherOrder must be a boolean/],
    [
      "what undoes minVersion",
      () => ({ ...pair, secureProtocol: "TLSv1_method" }),
      /unknown option tls\.secureProtocol/,
    ],
    ["nothing", () => ({}), /tls needs cert and key/],
    ["text that is no certificate", () => ({ cert: "x", key: pair.key }), /tls\.cert holds no certificate/],
    [
      "a key of another certificate",
      () => ({ cert: pair.cert, key: other.key }),
      /tls\.key is not the key of tls\.cert/,
    ],
    ["require", () => ({ ...pair, require: "always" }), /tls\.require must be one of none, login, data, all/],
    ["requestCert", () => ({ ...pair, requestCert: 1 }), /tls\.requestCert must be a boolean/],
    ["rejectUnauthorized", () => ({ ...pair, rejectUnauthorized: "no" }), /tls\.rejectUnauthorized must be a boolean/],
    ["requireSessionReuse", () => ({ ...pair, requireSessionReuse: "auto" }), /tls\.requireSessionReuse must be/],
    ["allowClear", () => ({ ...pair, allowClear: 1 }), /tls\.allowClear must be a boolean/],
    ["sni", () => ({ ...pair, sni: {} }), /tls\.sni must be a function/],
    [
      "handshakeTimeout, no number",
      () => ({ ...pair, handshakeTimeout: "1s" }),
      /tls\.handshakeTimeout must be a number/,
    ],
  ];
  for (const [name, tls, error] of table)
    test(name, () => assert.throws(() => new Server(loose({ tls: tls() })), { name: "TypeError", message: error }));

  test("minVersion above maxVersion", () => {
    const tls = { ...pair, minVersion: "TLSv1.3", maxVersion: "TLSv1.2" } as const;
    assert.throws(() => new Server({ tls }), {
      name: "RangeError",
      message: /TLSv1\.3 is above tls\.maxVersion TLSv1\.2/,
    });
  });

  test("handshakeTimeout out of range", () => {
    const tls = { ...pair, handshakeTimeout: -1 };
    assert.throws(() => new Server({ tls }), { name: "RangeError", message: /0 to 2147483647 milliseconds/ });
  });
});

describe("places", () => {
  test("implicitTls and requireTls need a certificate", () => {
    assert.throws(() => new Server({ implicitTls: true }), { name: "TypeError", message: /implicitTls needs tls/ });
    assert.throws(() => new Server({ listeners: [{ requireTls: "all" }] }), {
      name: "TypeError",
      message: /listeners\[0\]\.requireTls needs tls/,
    });
    assert.doesNotThrow(() => new Server({ listeners: [{ requireTls: "none" }] }));
  });

  test("a wrong requirement of a listener is named", () => {
    const listeners = [{ port: 0 }, { port: 0, requireTls: "yes" }];
    assert.throws(() => new Server(loose({ tls: pair, listeners })), {
      name: "TypeError",
      message: /listeners\[1\]\.requireTls must be one of none, login, data, all, not yes/,
    });
  });

  test("addresses tell where TLS begins at once", async () => {
    const host = "127.0.0.1";
    const listeners = [
      { host, port: 0 },
      { host, port: 0, implicitTls: true },
    ];
    await using server = new Server({ tls: pair, listeners });
    await server.listen();
    assert.deepEqual(
      server.addresses.map(({ implicitTls }) => implicitTls),
      [false, true],
    );
  });
});

describe("setTls", () => {
  test("needs a server that was made with tls", () => {
    assert.throws(() => new Server().setTls(pair), { name: "Error", message: /made without tls/ });
  });

  test("names what is wrong", () => {
    const server = new Server({ tls: pair });
    assert.throws(() => server.setTls({ cert: "x", key: "y" }), { name: "TypeError", message: /tls\.cert holds/ });
    assert.throws(() => server.setTls(undefined as never), { name: "TypeError", message: /tls must be an object/ });
  });
});
