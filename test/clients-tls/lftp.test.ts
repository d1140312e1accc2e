/** lftp under TLS: every connection by its settings, and the certificate by a file of authorities. */
import { way } from "../clients/scene.js";
import type { TlsClient } from "./tls-client.js";
import { expectTls } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

/** Runs commands one after the other until one fails. */
async function lftp(tls: TlsScene, ...commands: readonly string[]): Promise<string> {
  const { scene } = tls;
  const script = [
    "set cmd:fail-exit yes",
    "set net:max-retries 1",
    "set xfer:clobber yes",
    `set ssl:ca-file ${tls.ca}`,
    "set ssl:verify-certificate yes",
    "set ftp:ssl-force yes",
    "set ftp:ssl-protect-data yes",
    "set ftp:ssl-protect-list yes",
    `set ftp:passive-mode ${scene.way.mode === "PORT" ? "off" : "on"}`,
    `set ftp:prefer-epsv ${scene.way.mode === "EPSV" ? "on" : "off"}`,
    `open -u test,secret -p ${scene.port} ${tls.style === "implicit" ? "ftps://" : ""}${bracketed(scene.host)}`,
    ...commands,
  ];
  return (await tls.run("lftp", ["--norc", "-c", script.join("\n")])).stdout;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const client: TlsClient = {
  name: "lftp",
  programs: ["lftp"],
  styles: ["explicit", "implicit"],
  ways: [way("PASV"), way("PORT"), way("EPSV"), way("EPSV", "::1")],
  visit: async (tls) => {
    const output = await lftp(tls, "cls -1", "get down", "put up -o first", "put up -o second");
    return output.split("\n").filter((line) => line !== "");
  },
  resumeDownload: async (tls) => void (await lftp(tls, "reget down")),
  resumeUpload: async (tls) => void (await lftp(tls, "put -c up -o part")),
};

expectTls(client);
