/**
 * A data connection with another client certificate than the control connection is refused where TLS has just become
 * secure: within OpenSSL's callback nothing may be destroyed, or the process goes. So the server is one of its own.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { before, test } from "node:test";
import { issue, type Pair, testCertificates } from "../kit/certificates.js";
import { within } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { TlsClient } from "./kit-data-tls-client.js";

const ROUNDS = 20;
const PROGRAM = join(import.meta.dirname, "kit-data-tls-child.js");

let mine: Pair;
let other: Pair;
before(async () => {
  const { ca } = await testCertificates();
  mine = await issue({ name: "mine" }, ca);
  other = await issue({ name: "other" }, ca);
});

for (const version of VERSIONS)
  for (const required of [true, false])
    for (const shown of ["another", "none"] as const)
      test(`S7.7 ${version}, ${required ? "required" : "requested"}, ${shown} on the data connection, ${ROUNDS} times: 522, and the process lives`, async () => {
        const { ca, server } = await testCertificates();
        const tls = { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: required };
        const child = spawn(process.execPath, [PROGRAM, JSON.stringify(tls)], { stdio: ["pipe", "pipe", "inherit"] });
        const exited = once(child, "exit");
        try {
          const [port] = (await within(once(createInterface(child.stdout), "line"), "the port")) as [string];
          await using own = await TlsClient.login(Number(port), { ...only(version), ...mine });
          const pair = shown === "another" ? other : { cert: undefined, key: undefined };
          for (let round = 0; round < ROUNDS; round++) {
            const line = own.line(await own.open(round % 4 === 3 ? "STOR new" : "LIST"), {
              session: undefined,
              ...pair,
            });
            await own.expectReply(522);
            await own.forget(line);
          }
          await own.download("LIST");
          await own.assertQuiet();
          assert.equal(child.exitCode ?? child.signalCode, null);
        } finally {
          child.stdin.end();
          await within(exited, "the end of the server");
        }
        assert.deepEqual([child.exitCode, child.signalCode], [0, null]);
      });
