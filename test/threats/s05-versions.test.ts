/** S5.3, S5.10, S5.12, S5.13: TLS where none is expected and the other way round, renegotiation, and what is too old. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import tls from "node:tls";
import { testCertificates } from "../kit/certificates.js";
import { requireProgram, run } from "../kit/programs.js";
import { serve } from "../kit/serve.js";
import { temporaryDirectory, until, within } from "../kit/temporary.js";
import { type ClientTls, clientHello, TlsClient } from "./kit-tls.js";
import { besiege, type ServerTls, serveTls, withClient } from "./kit-tls-server.js";

describe("S5.3 a client that insists on TLS", () => {
  const insists = ["--silent", "--show-error", "--ssl-reqd", "--max-time", "10", "--user", "test:secret"];

  test("S5.3 curl --ssl-reqd gets its file from a server that requires TLS", async (t) => {
    const curl = requireProgram(t, "curl");
    if (curl === undefined) return;
    await using folder = await temporaryDirectory();
    const ca = join(folder.path, "ca.pem");
    await writeFile(ca, (await testCertificates()).ca.cert);
    await using served = await serveTls({ require: "all" });
    const { code, stdout, stderr } = await run(curl, [...insists, "--cacert", ca, `ftp://localhost:${served.port}/f`]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "what /f holds");
    assert.deepEqual(served.failures, []);
  });

  test("S5.3 and tells a server without TLS, or with a certificate that nobody vouches for, no password", async (t) => {
    const curl = requireProgram(t, "curl");
    if (curl === undefined) return;
    const lines: string[] = [];
    await using clear = await serve({}, (server) => {
      server.on("reply", ({ verb = "" }) => void lines.push(verb));
    });
    assert.notEqual((await run(curl, [...insists, `ftp://127.0.0.1:${clear.port}/f`])).code, 0);
    await using served = await serveTls({ require: "none" });
    assert.notEqual((await run(curl, [...insists, `ftp://localhost:${served.port}/f`])).code, 0);
    assert(lines.includes("AUTH"));
    assert(!lines.includes("USER") && !lines.includes("PASS"), lines.join());
    assert.deepEqual(served.logins, []);
  });
});

describe("S5.10 TLS on the wrong port", () => {
  for (const cut of ["whole", "in bytes", "an old hello", "behind a line"] as const)
    test(`S5.10 a ClientHello on the explicit port, ${cut}: silence or one refusal, and the end`, () =>
      besiege({}, {}, async (served) => {
        const hello = await clientHello();
        await withClient(TlsClient.greeted(served.port), async (client) => {
          if (cut === "behind a line") await client.expect("NOOP", 200);
          const old = Buffer.from("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\r\nUSER evil\r\n", "latin1");
          const bytes = cut === "an old hello" ? old : Buffer.concat([hello, Buffer.from("\r\nUSER evil\r\n")]);
          const before = served.answers.length;
          for (const piece of cut === "in bytes" ? bytes : [bytes])
            client.sendRaw(typeof piece === "number" ? Buffer.from([piece]) : piece);
          if (cut === "behind a line") client.send("QUIT\r\n");
          await client.expectClosed(3000);
          assert(served.answers.length - before <= (cut === "behind a line" ? 8 : 1), served.answers.join());
          assert.deepEqual(served.logins, []);
        });
        assert.deepEqual(served.failures, []);
      }));

  test("S5.10 a hundred ClientHellos on the explicit port tell the host nothing but that they came and went", () =>
    besiege({}, {}, async (served) => {
      const hello = await clientHello();
      for (let time = 0; time < 100; time++)
        await withClient(TlsClient.greeted(served.port), async (client) => {
          client.sendRaw(hello);
          await client.expectClosed(3000);
        });
      assert.deepEqual(new Set(served.answers), new Set(["220"]));
    }));

  test("S5.10 commands in clear on an implicit port: no reply in clear, not even a greeting", () =>
    besiege({ handshakeTimeout: 1000 }, { implicitTls: true }, async (served) => {
      for (const bytes of ["USER evil\r\n", "AUTH TLS\r\n", "QUIT\r\n", "\r\n\r\n"])
        await withClient(TlsClient.open(served.port), async (client) => {
          client.ignoreReplies();
          client.sendRaw(bytes);
          await client.expectClosed(3000);
          assert.doesNotMatch(Buffer.concat(client.wire).toString("latin1"), /[0-9]{3} /);
        });
      assert.deepEqual(served.answers, []);
      assert.equal(served.failures.length, 4);
    }));
});

describe("S5.12 renegotiation", () => {
  for (const allowClear of [false, true])
    test(`S5.12 asked for by a client of TLS 1.2 ends the session${allowClear ? ", where TLS may end too" : ""}`, () =>
      besiege({ allowClear }, {}, async (served) => {
        await withClient(TlsClient.explicit(served.port, { maxVersion: "TLSv1.2" }), async (client) => {
          await client.login();
          client.secured?.renegotiate({ rejectUnauthorized: false }, () => undefined);
          await client.expectClosed(3000);
          assert.equal(client.codes.at(-1), 230);
        });
      }));

  test("S5.12 on an implicit port, in the middle of commands", () =>
    besiege({}, { implicitTls: true }, async (served) => {
      await withClient(TlsClient.implicit(served.port, { maxVersion: "TLSv1.2" }), async (client) => {
        client.send("NOOP\r\n");
        client.secured?.renegotiate({ rejectUnauthorized: false }, () => undefined);
        client.send("USER evil\r\n");
        await client.expectClosed(3000);
        assert.deepEqual(served.logins, []);
      });
    }));

  test("S5.12 openssl's R", async (t) => {
    const openssl = requireProgram(t, "openssl");
    if (openssl === undefined) return;
    await besiege({}, {}, async (served) => {
      const target = ["-connect", `127.0.0.1:${served.port}`, "-starttls", "ftp"];
      const { stdout, stderr } = await run(openssl, ["s_client", ...target, "-tls1_2"], { input: "R\nNOOP\n" });
      assert.match(stderr, /RENEGOTIATING/);
      assert.doesNotMatch(stdout, /^200 /m);
      assert(served.answers.includes("AUTH 234"));
    });
  });

  test("S5.12 on a data connection", () =>
    besiege({}, {}, async (served) => {
      const { ca } = await testCertificates();
      await withClient(TlsClient.explicit(served.port, { maxVersion: "TLSv1.2" }), async (client) => {
        await client.login();
        await client.expect("PROT P", 200);
        const socket = await client.beginTransfer("STOR new");
        const secured = tls.connect({ socket, ca: ca.cert, servername: "localhost", maxVersion: "TLSv1.2" });
        secured.on("error", () => undefined).resume();
        await within(new Promise((resolve) => secured.once("secureConnect", resolve)), "the handshake");
        secured.write("content");
        secured.renegotiate({ rejectUnauthorized: false }, () => undefined);
        await client.expectReply(426, 451, 522);
        await client.expect("SIZE new", 550);
      });
    }));
});

/** A client that would take whatever the server takes. */
const LAX: ClientTls = { ciphers: "ALL:eNULL:@SECLEVEL=0", minVersion: "TLSv1", rejectUnauthorized: false };
const OLD = ["TLSv1", "TLSv1.1"] as const;

/** What a handshake with these options agrees on; `undefined` where there is none. */
async function agreed(tlsOptions: ServerTls, client: ClientTls): Promise<string | undefined> {
  await using served = await serveTls(tlsOptions);
  await using opened = await TlsClient.greeted(served.port);
  await opened.expect("AUTH TLS", 234);
  const failure = await opened.tryToProtect(client);
  if (failure !== undefined) {
    await opened.expectClosed(3000);
    await until(() => served.failures.length === 1, undefined, "the failure is told");
    return undefined;
  }
  await opened.assertQuiet();
  return opened.secured?.getProtocol() ?? undefined;
}

describe("S5.13 what is too old or too weak", () => {
  for (const version of OLD) {
    test(`S5.13 ${version} is refused by default`, async () => {
      assert.equal(await agreed({}, { ...LAX, maxVersion: version }), undefined);
      // The client is not the one that refuses.
      const lax = { minVersion: version, ciphers: "DEFAULT@SECLEVEL=0" } as const;
      assert.equal(await agreed(lax, { ...LAX, maxVersion: version }), version);
    });

    test(`S5.13 ${version} is refused on data connections, too`, () =>
      besiege({}, {}, async (served) => {
        await withClient(TlsClient.explicit(served.port), async (client) => {
          await client.login();
          await client.expect("PROT P", 200);
          const socket = await client.beginTransfer("RETR f");
          const secured = tls.connect({ ...LAX, maxVersion: version, socket }).on("error", () => undefined);
          await client.expectReply(522);
          await client.assertQuiet();
          secured.destroy();
        });
      }));
  }

  test("S5.13 by default TLS 1.2 and 1.3 are spoken, the newer where both can", async () => {
    assert.equal(await agreed({}, {}), "TLSv1.3");
    assert.equal(await agreed({}, { maxVersion: "TLSv1.2" }), "TLSv1.2");
  });

  test("S5.13 minVersion and maxVersion are the host's to choose", async () => {
    assert.equal(await agreed({ minVersion: "TLSv1.3" }, { ...LAX, maxVersion: "TLSv1.2" }), undefined);
    assert.equal(await agreed({ minVersion: "TLSv1.3" }, {}), "TLSv1.3");
    assert.equal(await agreed({ maxVersion: "TLSv1.2" }, {}), "TLSv1.2");
    assert.equal(await agreed({ maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" }), undefined);
  });

  for (const ciphers of ["eNULL", "aNULL", "ADH", "AECDH", "PSK", "MD5", "ECDHE-ECDSA-NULL-SHA", "AECDH-NULL-SHA"])
    test(`S5.13 a client that offers ${ciphers} only is refused`, async () => {
      assert.equal(await agreed({}, { ...LAX, ciphers: `${ciphers}:@SECLEVEL=0`, maxVersion: "TLSv1.2" }), undefined);
    });

  test("S5.13 a NULL cipher would be spoken where the host wanted it: the client is not the one that refuses", async () => {
    const ciphers = "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0";
    assert.equal(
      await agreed({ ciphers, maxVersion: "TLSv1.2" }, { ...LAX, ciphers, maxVersion: "TLSv1.2" }),
      "TLSv1.2",
    );
  });

  test("S5.13 ciphers are the host's to choose", async () => {
    const strict = { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", maxVersion: "TLSv1.2" } as const;
    assert.equal(await agreed(strict, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }), undefined);
    assert.equal(await agreed(strict, {}), "TLSv1.2");
  });

  test("S5.13 openssl with old versions and weak ciphers finds no way in", async (t) => {
    const openssl = requireProgram(t, "openssl");
    if (openssl === undefined) return;
    await using served = await serveTls({});
    const target = ["-connect", `127.0.0.1:${served.port}`, "-starttls", "ftp"];
    for (const [args, enters] of [
      [["-tls1"], false],
      [["-tls1_1"], false],
      [["-tls1", "-cipher", "ALL:@SECLEVEL=0"], false],
      [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false],
      [["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"], false],
      [["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"], false],
      [["-tls1_2"], true],
      [["-tls1_3"], true],
    ] as const) {
      const { stdout } = await run(openssl, ["s_client", ...target, ...args], { input: "Q\n" });
      const cipher = /Cipher is (\S+)/.exec(stdout)?.[1];
      assert.equal(cipher !== undefined && cipher !== "(NONE)", enters, `${args.join(" ")}: ${cipher}`);
    }
  });

  test("S5.13 hellos of SSL 2 and SSL 3 are refused", () =>
    besiege({}, {}, async (served) => {
      const hello = await clientHello({ maxVersion: "TLSv1.2" });
      const ssl3 = Buffer.from(hello);
      // The versions of the record and of the hello.
      ssl3.writeUInt16BE(0x0300, 1);
      ssl3.writeUInt16BE(0x0300, 9);
      const ssl2 = Buffer.from("802b0100020012000000100100800200800300800400800500800600400700c0", "hex");
      for (const bytes of [ssl3, Buffer.concat([ssl2, Buffer.alloc(16, 7)])])
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("AUTH TLS", 234);
          client.ignoreReplies();
          client.sendRaw(bytes);
          await client.expectClosed(3000);
        });
      await until(() => served.failures.length === 2, undefined, "both are told");
    }));
});
