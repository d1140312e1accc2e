// A read-only store made of a database table: three methods, and listings, downloads and REST work.
import { Readable } from "node:stream";
import {
  type FileInfo,
  FileSystem,
  FileSystemError,
  type ReadHandle,
  type ReadOptions,
  readHandleFrom,
  Server,
  type VirtualPath,
} from "portside";

const reports = new Map([
  ["january.csv", "day,visits\n1,204\n"],
  ["february.csv", "day,visits\n1,187\n"],
]);

class ReportFileSystem extends FileSystem {
  override async stat(path: VirtualPath): Promise<FileInfo> {
    if (path === "/") return { name: "", type: "directory", size: 0 };
    const name = path.slice(1);
    const text = reports.get(name);
    if (text === undefined) throw new FileSystemError("ENOENT", path);
    return { name, type: "file", size: Buffer.byteLength(text) };
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    if (path !== "/") throw new FileSystemError(reports.has(path.slice(1)) ? "ENOTDIR" : "ENOENT", path);
    for (const name of reports.keys()) yield await this.stat(`/${name}` as VirtualPath);
  }

  override async openRead(path: VirtualPath, { start = 0, end }: ReadOptions = {}): Promise<ReadHandle> {
    const info = await this.stat(path);
    if (info.type === "directory") throw new FileSystemError("EISDIR", path);
    if (start > info.size) throw new FileSystemError("ERANGE", path);
    const bytes = Buffer.from(reports.get(info.name) ?? "").subarray(start, end);
    return readHandleFrom(info, Readable.from([bytes]));
  }
}

const server = new Server({ host: "127.0.0.1", port: Number(process.env.PORT ?? 2121) });
const fileSystem = new ReportFileSystem();
server.on("login", (login) => login.accept({ fileSystem }));
await server.listen();
console.log(`ftp://anybody:any@127.0.0.1:${server.addresses[0]?.port}/`);
process.once("SIGTERM", () => void server.close());
