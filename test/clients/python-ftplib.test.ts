/** Python's ftplib: a library that sends what it is told; scripts on standard input. */
import { virtualPath } from "../../dist/index.js";
import type { Client } from "./client.js";
import { expectAll } from "./expectations.js";
import { type Scene, way } from "./scene.js";

/** The beginning of every script; `a` and `b` are its arguments. */
const PRELUDE = `
import ftplib, sys
host, port, passive, a, b, *_ = sys.argv[1:] + ["", ""]
ftp = ftplib.FTP(timeout=8)
ftp.connect(host, int(port))
ftp.login("test", "secret")
ftp.set_pasv(passive == "passive")
`;

/** Runs a script of a logged-in `ftp` and gives what it printed. */
async function python(scene: Scene, lines: string, ...args: readonly string[]): Promise<string> {
  const passive = scene.way.mode.endsWith("PSV") || scene.way.mode === "PASV" ? "passive" : "active";
  const input = `${PRELUDE}${lines}\nftp.quit()\n`;
  return (await scene.run("python3", ["-I", "-S", "-", scene.host, String(scene.port), passive, ...args], { input })).stdout;
}

const does =
  (lines: string) =>
  async (scene: Scene, ...args: readonly string[]): Promise<void> =>
    void (await python(scene, lines, ...args));

const client: Client = {
  name: "ftplib",
  programs: ["python3"],
  ways: [way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
  list: async (scene, directory) =>
    (await python(scene, `ftp.cwd("/" + a)\nprint(*ftp.nlst(), sep="\\n")`, directory)).split("\n").filter(Boolean),
  download: does(`with open(b, "wb") as file: ftp.retrbinary("RETR " + a, file.write)`),
  upload: does(`with open(a, "rb") as file: ftp.storbinary("STOR " + b, file)`),
  resumeDownload: does(`with open(b, "ab") as file: ftp.retrbinary("RETR " + a, file.write, rest=file.tell())`),
  resumeUpload: async (scene, local, remote) => {
    const { size } = await scene.store.stat(virtualPath(remote));
    const lines = `with open(a, "rb") as file: file.seek(${size}); ftp.storbinary("STOR " + b, file, rest=${size})`;
    await python(scene, lines, local, remote);
  },
  append: does(`with open(a, "rb") as file: ftp.storbinary("APPE " + b, file)`),
  downloadText: does(`with open(b, "w") as file: ftp.retrlines("RETR " + a, lambda line: print(line, file=file))`),
  uploadText: does(`with open(a, "rb") as file: ftp.storlines("STOR " + b, file)`),
  rename: does("ftp.rename(a, b)"),
  remove: does("ftp.delete(a)"),
  makeDirectory: does(`assert ftp.mkd(a) == "/" + a`),
  removeDirectory: does("ftp.rmd(a)"),
  downloadFolder: does(`
for name in ftp.nlst(a):
    with open(b + "/" + name, "wb") as file: ftp.retrbinary("RETR " + a + "/" + name, file.write)`),
  uploadFolder: does(`
import os
for name in os.listdir(a):
    with open(a + "/" + name, "rb") as file: ftp.storbinary("STOR " + b + "/" + name, file)`),
  wrongPassword: does(`ftp.connect(host, int(port)); ftp.login("test", "wrong")`),
};

expectAll(client);
