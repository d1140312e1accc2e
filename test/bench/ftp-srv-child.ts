/**
 * ftp-srv as the benchmark runs it, where it is installed: `node ftp-srv-child.js MODULES FOLDER PORT FIRST LAST [CERTIFICATE KEY]`. Found
 * in the folder of the environment, because nothing here depends on it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** As much of it as is called here. */
interface FtpSrvModule {
  readonly FtpSrv: new (
    options: object,
  ) => {
    on(
      event: "login",
      listener: (login: Login, accept: (home: object) => void, reject: (error: Error) => void) => void,
    ): void;
    on(event: "client-error", listener: () => void): void;
    listen(): Promise<unknown>;
  };
}

interface Login {
  readonly username: string;
  readonly password: string;
}

interface Bunyan {
  readonly FATAL: number;
  createLogger(options: object): unknown;
}

const [modules = "", root = ".", port, first, last, certificate, key] = process.argv.slice(2);
const load = createRequire(join(modules, "package.json"));
const { FtpSrv } = load("ftp-srv") as FtpSrvModule;
const bunyan = createRequire(load.resolve("ftp-srv"))("bunyan") as Bunyan;

const server = new FtpSrv({
  url: `ftp://127.0.0.1:${port}`,
  pasv_url: "127.0.0.1",
  pasv_min: Number(first),
  pasv_max: Number(last),
  tls: certificate && key && { cert: readFileSync(certificate), key: readFileSync(key) },
  log: bunyan.createLogger({ name: "bench", level: bunyan.FATAL + 1 }),
});
server.on("login", ({ username, password }, accept, reject) => {
  if (username === "bench" && password === "bench") accept({ root });
  else reject(new Error("no"));
});
server.on("client-error", () => undefined);
await server.listen();
