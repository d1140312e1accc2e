/** Python's ftplib under TLS: as it is, and as the subclass of everybody whose server wants sessions resumed. */
import { way } from "../clients/scene.js";
import type { TlsClient } from "./tls-client.js";
import { expectTls } from "./tls-expectations.js";
import type { TlsScene } from "./tls-scene.js";

/** The beginning of every script; `size` is its argument. */
const PRELUDE = `
import ftplib, ssl, sys
host, port, passive, kind, ca, size = sys.argv[1:7]
class Reusing(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session)
        return conn, size
context = ssl.create_default_context(cafile=ca)
ftp = (Reusing if kind == "reusing" else ftplib.FTP_TLS)(context=context, timeout=8)
ftp.connect(host, int(port))
ftp.login("test", "secret")
ftp.prot_p()
ftp.set_pasv(passive == "passive")
`;

const VISIT = `
print(*ftp.nlst(), sep="\\n")
with open("down", "wb") as file: ftp.retrbinary("RETR down", file.write)
for name in ["first", "second"]:
    with open("up", "rb") as file: ftp.storbinary("STOR " + name, file)`;

const RESUME_DOWNLOAD = `with open("down", "ab") as file: ftp.retrbinary("RETR down", file.write, rest=file.tell())`;
const RESUME_UPLOAD = `
with open("up", "rb") as file:
    file.seek(int(size))
    ftp.storbinary("STOR part", file, rest=int(size))`;

function ftplib(name: TlsClient["name"], kind: "plain" | "reusing"): TlsClient {
  const python = async (tls: TlsScene, lines: string, size = 0): Promise<string> => {
    const { host, port, way: by } = tls.scene;
    const passive = by.mode === "PASV" || by.mode === "EPSV" ? "passive" : "active";
    const args = ["-I", "-", host, String(port), passive, kind, tls.ca, String(size)];
    return (await tls.run("python3", args, { input: `${PRELUDE}${lines}\nftp.quit()\n` })).stdout;
  };
  return {
    name,
    programs: ["python3"],
    styles: ["explicit"],
    ways: [way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
    visit: async (tls) => (await python(tls, VISIT)).split("\n").filter((line) => line !== ""),
    resumeDownload: async (tls) => void (await python(tls, RESUME_DOWNLOAD)),
    resumeUpload: async (tls, size) => void (await python(tls, RESUME_UPLOAD, size)),
  };
}

expectTls(ftplib("ftplib", "plain"));
expectTls(ftplib("ftplib that hands its session on", "reusing"));
