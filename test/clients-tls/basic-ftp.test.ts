/** basic-ftp under TLS: the client library of npm, in this process; passive only. */
import { readFile } from "node:fs/promises";
import { Client as BasicClient } from "basic-ftp";
import { way } from "../clients/scene.js";
import { within } from "../kit/temporary.js";
import { BROUGHT, type TlsClient } from "./tls-client.js";
import { expectTls } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

/** Lets a logged-in client work, not for ever. */
async function connected<Result>(tls: TlsScene, work: (ftp: BasicClient) => Promise<Result>): Promise<Result> {
  const ftp = new BasicClient(8000);
  const { host, port } = tls.scene;
  try {
    const secure = tls.style === "implicit" ? "implicit" : true;
    const secureOptions = { ca: await readFile(tls.ca) };
    const access = ftp.access({ host, port, user: "test", password: "secret", secure, secureOptions });
    return await within(
      access.then(() => work(ftp)),
      "basic-ftp",
    );
  } finally {
    ftp.close();
  }
}

const client: TlsClient = {
  name: "basic-ftp",
  programs: [],
  styles: ["explicit", "implicit"],
  ways: [way("EPSV"), way("EPSV", "::1")],
  visit: (tls) =>
    connected(tls, async (ftp) => {
      const names = (await ftp.list()).map(({ name }) => name);
      await ftp.downloadTo(tls.scene.local("down"), "down");
      for (const name of BROUGHT) await ftp.uploadFrom(tls.scene.local("up"), name);
      return names;
    }),
  resumeDownload: async (tls) => {
    const size = await tls.scene.localSize("down");
    await connected(tls, (ftp) => ftp.downloadTo(tls.scene.local("down"), "down", size));
  },
  resumeUpload: async (tls, size) =>
    void (await connected(tls, (ftp) => ftp.appendFrom(tls.scene.local("up"), "part", { localStart: size }))),
};

expectTls(client);
