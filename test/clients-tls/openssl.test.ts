/** `openssl s_client`: the control connection by hand. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { way } from "../clients/scene.js";
import type { Finished } from "../kit/programs.js";
import { playedTls } from "./tls-expectations.js";
import { PROTOCOLS, type Style, type TlsScene } from "./tls-scene.js";

const STYLES: readonly Style[] = ["explicit", "implicit"];
const client = { programs: ["openssl"] };

/** `-quiet` keeps it from taking a letter for a command of its own, and lets it stay until the server closes. */
function converse(tls: TlsScene, status: 0 | "failure", ...lines: readonly string[]): Promise<Finished> {
  const args = ["s_client", "-quiet", "-crlf", "-connect", tls.scene.authority];
  const starttls = tls.style === "explicit" ? ["-starttls", "ftp"] : [];
  const verified = ["-CAfile", tls.ca, "-verify_return_error", "-verify_ip", tls.scene.host];
  const input = lines.map((line) => `${line}\n`).join("");
  return tls.run("openssl", [...args, ...starttls, ...verified], { input, status });
}

describe("openssl s_client", () => {
  for (const style of STYLES) {
    for (const protocol of PROTOCOLS)
      playedTls(
        client,
        `${style}, ${protocol}: logs in by hand`,
        way("PASV"),
        async (tls) => {
          const lines = ["USER test", "PASS secret", "PBSZ 0", "PROT P", "PROT S", "AUTH TLS", "QUIT"];
          const { stdout } = await converse(tls, 0, ...lines);
          const codes = stdout.split("\n").flatMap((line) => /^\d{3}(?= )/.exec(line) ?? []);
          const greeting = style === "implicit" ? ["220"] : [];
          assert.deepEqual(codes.slice(-7 - greeting.length), [
            ...greeting,
            ..."331 230 200 200 536 503 221".split(" "),
          ]);
          assert.deepEqual(
            tls.logins.map((secure) => [secure?.protocol, secure?.resumed]),
            [[protocol, false]],
          );
        },
        { style, protocol },
      );

    playedTls(
      client,
      `${style}: tells nothing to a server whose authority it does not know`,
      way("PASV"),
      async (tls) => {
        await converse(tls, "failure", "USER test", "PASS secret", "QUIT");
        assert.deepEqual(tls.logins, []);
        assert(!tls.scene.replies.some(({ verb }) => verb === "USER"));
      },
      { style, distrusted: true },
    );
  }
});
