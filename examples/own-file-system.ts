// A store of your own, here a table of reports: with `stat`, `list` and `openRead` listings, downloads and restarts work,
// with `openWrite` uploads. What is not overridden is refused, and the rights in listings say so.
import { Readable, Writable } from "node:stream";
import {
  type Capability,
  type FileInfo,
  FileSystem,
  FileSystemError,
  type ReadHandle,
  type ReadOptions,
  readHandleFrom,
  Server,
  type VirtualPath,
  virtualPath,
  type WriteHandle,
  type WriteOptions,
  writeHandleFrom,
} from "portside";

const reports = new Map([
  ["january.csv", Buffer.from("day,visits\n1,204\n")],
  ["february.csv", Buffer.from("day,visits\n1,187\n")],
]);

class ReportFileSystem extends FileSystem {
  override async stat(path: VirtualPath): Promise<FileInfo> {
    if (path === "/") return { name: "", type: "directory", size: 0 };
    const name = path.slice(1);
    const report = reports.get(name);
    if (report === undefined) throw new FileSystemError("ENOENT", path);
    return { name, type: "file", size: report.byteLength };
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    const { type } = await this.stat(path);
    if (type !== "directory") throw new FileSystemError("ENOTDIR", path);
    for (const name of reports.keys()) yield await this.stat(virtualPath(name, path));
  }

  override async openRead(path: VirtualPath, { start = 0, end }: ReadOptions = {}): Promise<ReadHandle> {
    const info = await this.stat(path);
    if (info.type === "directory") throw new FileSystemError("EISDIR", path);
    if (start > info.size) throw new FileSystemError("ERANGE", path);
    const bytes = reports.get(info.name)?.subarray(start, end);
    return readHandleFrom(info, Readable.from([bytes]));
  }

  override async openWrite(path: VirtualPath, { mode, signal }: WriteOptions): Promise<WriteHandle> {
    const name = path.slice(1);
    if (path === "/") throw new FileSystemError("EISDIR", path);
    if (name.includes("/")) throw new FileSystemError("ENOENT", path);
    if (mode === "append" || mode === "at") throw new FileSystemError("ENOSYS", path);
    if (mode === "exclusive" && reports.has(name)) throw new FileSystemError("EEXIST", path);
    const chunks: Uint8Array[] = [];
    const upload = new Writable({ write: (chunk: Uint8Array, _encoding, done) => done(void chunks.push(chunk)) });
    // Nothing is seen of the report before `commit`; whatever breaks off leaves the old one.
    const commit = (): Promise<FileInfo> => {
      reports.set(name, Buffer.concat(chunks));
      return this.stat(path);
    };
    return writeHandleFrom(upload, { commit, ...(signal && { signal }) });
  }

  /** Reports are replaced whole. */
  override supports(capability: Capability): boolean {
    return capability !== "append" && super.supports(capability);
  }
}

const server = new Server({ host: "127.0.0.1", port: Number(process.env.PORT ?? 2121) });
const fileSystem = new ReportFileSystem();
server.on("login", (login) => login.accept({ fileSystem }));
server.on("error", ({ error }) => console.error(error));
await server.listen();
console.log(`ftp://anybody:any@127.0.0.1:${server.addresses[0]?.port}/`);
process.once("SIGTERM", () => void server.close());
