/** ftp-ssl: the classic commands under TLS. It never says that a file is over, so that its uploads cannot be taken for whole. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe } from "node:test";
import { assertNames } from "../clients/expectations.js";
import { way } from "../clients/scene.js";
import type { TlsClient } from "./tls-client.js";
import { expectTls, playedTls, prepare } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

/** Runs commands as a script. The status says nothing of failures. */
async function script(tls: TlsScene, ...commands: readonly string[]): Promise<void> {
  const { host, port, way: by } = tls.scene;
  const passive = by.mode === "PASV" || by.mode === "EPSV" ? ["-p"] : [];
  const args = ["-n", "-i", ...passive, "-z", "secure", "-z", "verify=1", "-z", `cacert=${tls.ca}`, host, String(port)];
  const input = ["user test secret", "binary", ...commands, "bye", ""].join("\n");
  await tls.run("ftp-ssl", args, { input, status: "any" });
}

const client: TlsClient = {
  name: "ftp-ssl",
  programs: ["ftp-ssl"],
  styles: ["explicit"],
  ways: [way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
  visit: async (tls) => {
    await script(tls, "nlist . names", "get down");
    return (await readFile(tls.scene.local("names"), "utf8")).split("\n").filter((line) => line !== "");
  },
  cannotUpload: true,
  silent: true,
  resumeDownload: (tls) => script(tls, "reget down"),
};

expectTls(client);

describe("ftp-ssl's own", () => {
  playedTls(
    client,
    "an upload that ends without close_notify is refused, and leaves no file",
    way("PASV"),
    async (tls) => {
      await prepare(tls);
      await script(tls, "put up first");
      assert.equal(tls.scene.replies.findLast(({ verb }) => verb === "STOR")?.code, 426);
      await assertNames(tls.scene, "/", ["down"]);
    },
  );
});
