// FTPS with nothing in clear: explicit TLS (AUTH TLS) at one port, implicit TLS at another, a certificate for each host
// name, and all of them read again on SIGHUP while sessions go on.
// The folder `certificates` holds cert.pem and key.pem; a folder in it named like a host holds those of that host.
// Try it: curl --ssl-reqd --cacert <who vouches for it, PEM> <the URL that is printed>
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { MemoryFileSystem, Server, type TlsOptions } from "portside";

const certificates = process.env.CERTIFICATES ?? "certificates";

function readPair(folder: string): Pick<TlsOptions, "cert" | "key"> {
  return { cert: readFileSync(join(folder, "cert.pem")), key: readFileSync(join(folder, "key.pem")) };
}

function readTls(): TlsOptions {
  const hosts = new Map<string, SecureContext>();
  for (const entry of readdirSync(certificates, { withFileTypes: true }))
    if (entry.isDirectory())
      hosts.set(entry.name.toLowerCase(), createSecureContext(readPair(join(certificates, entry.name))));
  // Whoever names another host, or none, is shown the certificate of the folder itself.
  return { ...readPair(certificates), require: "all", sni: (servername) => hosts.get(servername) };
}

const host = "127.0.0.1";
const server = new Server({
  listeners: [
    { host, port: Number(process.env.PORT ?? 2121) },
    { host, port: Number(process.env.IMPLICIT_PORT ?? 2990), implicitTls: true },
  ],
  tls: readTls(),
});

const fileSystem = new MemoryFileSystem({ files: { "/readme.txt": "hello\n" } });
server.on("login", (login) => login.accept({ fileSystem }));
server.on("loggedIn", ({ session }) => console.log(`${session.secure?.protocol} for ${session.host ?? "no host"}`));
server.on("tlsFailed", ({ channel, error }) => console.error(`${channel} connection: ${error.message}`));
server.on("error", ({ error }) => console.error(error));

process.on("SIGHUP", () => {
  try {
    server.setTls(readTls());
    console.log("new connections get the certificates of now");
  } catch (error) {
    console.error("the certificates stay as they were:", error);
  }
});

await server.listen();
for (const { port, implicitTls } of server.addresses)
  console.log(`${implicitTls ? "ftps" : "ftp"}://anybody:any@${host}:${port}/`);
process.once("SIGTERM", () => void server.close());
