/** wget under TLS: downloads and listings, of URLs that begin with `ftps:`. */
import { readdir } from "node:fs/promises";
import { way } from "../clients/scene.js";
import type { TlsClient } from "./tls-client.js";
import { expectTls } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

async function wget(tls: TlsScene, ...args: readonly string[]): Promise<void> {
  const own = ["--no-config", "--no-verbose", "--tries=1", "--user=test", "--password=secret"];
  const active = tls.scene.way.mode === "PORT" || tls.scene.way.mode === "EPRT" ? ["--no-passive-ftp"] : [];
  const implicit = tls.style === "implicit" ? ["--ftps-implicit"] : [];
  await tls.run("wget", [...own, `--ca-certificate=${tls.ca}`, ...active, ...implicit, ...args]);
}

const client: TlsClient = {
  name: "wget",
  programs: ["wget"],
  styles: ["explicit", "implicit"],
  ways: [way("PASV"), way("EPSV", "::1")],
  visit: async (tls) => {
    const before = await readdir(tls.scene.folder);
    await wget(tls, "--recursive", "--no-host-directories", tls.url("ftps", ""));
    return (await readdir(tls.scene.folder)).filter((name) => !before.includes(name));
  },
  cannotUpload: true,
  resumeDownload: (tls) => wget(tls, "--continue", tls.url("ftps", "down")),
};

expectTls(client);
