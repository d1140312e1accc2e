// A whole store of your own: files in a database. Rows are found by path, content lies in chunks beside them. Here the
// database is a Map, so that the program runs as it is; docs/write-your-own-filesystem.md goes through it rule by rule.
// A test runs the contract of portside/testing on it.
import {
  baseName,
  type Capability,
  type FileInfo,
  FileSystem,
  FileSystemError,
  type FileTimes,
  isWithin,
  type OperationOptions,
  parentOf,
  type ReadHandle,
  type ReadOptions,
  type RenameOptions,
  ROOT,
  Server,
  type VirtualPath,
  virtualPath,
  type WriteHandle,
  type WriteOptions,
} from "portside";

/** Bytes of a chunk. */
const CHUNK = 256 * 1024;
/** Rows of a page of a listing. */
const PAGE = 1000;

/** A file or a directory. */
interface Row {
  readonly type: "file" | "directory";
  readonly size: number;
  readonly modified: Date;
  /** Under which number the chunks are; a new one for each upload. */
  readonly content: number;
}

/** What stands for a database. Each method would be a query; `transaction` is all or nothing, and nobody comes between. */
export class Database {
  readonly #rows = new Map<VirtualPath, Row>([[ROOT, directoryRow()]]);
  readonly #chunks = new Map<string, Uint8Array>();
  #contents = 0;

  /** SELECT … WHERE parent = ? AND path > ? ORDER BY path LIMIT ? */
  async page(parent: VirtualPath, after: string, limit: number): Promise<readonly (readonly [VirtualPath, Row])[]> {
    const below = [...this.#rows].filter(([path]) => path > after && path !== ROOT && parentOf(path) === parent);
    return below.sort(([one], [other]) => (one < other ? -1 : 1)).slice(0, limit);
  }

  /** BEGIN … COMMIT, or ROLLBACK where the work throws */
  async transaction<Result>(work: (rows: Map<VirtualPath, Row>) => Result): Promise<Result> {
    return work(this.#rows);
  }

  /** The next number of a sequence. */
  newContent(): number {
    return this.#contents++;
  }

  async chunk(content: number, index: number): Promise<Uint8Array | undefined> {
    return this.#chunks.get(`${content}/${index}`);
  }

  async addChunk(content: number, index: number, bytes: Uint8Array): Promise<void> {
    this.#chunks.set(`${content}/${index}`, bytes);
  }

  async drop(content: number): Promise<void> {
    for (const key of this.#chunks.keys()) if (key.startsWith(`${content}/`)) this.#chunks.delete(key);
  }

  /** The content that no row has: of uploads on their way, and of those that a crash has left. A job drops old ones. */
  orphans(): readonly number[] {
    const found = new Set([...this.#chunks.keys()].map((key) => Number(key.split("/", 1)[0])));
    for (const { content } of this.#rows.values()) found.delete(content);
    return [...found];
  }
}

function directoryRow(): Row {
  return { type: "directory", size: 0, modified: new Date(), content: -1 };
}

function infoOf(path: VirtualPath, { type, size, modified, content }: Row): FileInfo {
  return { name: baseName(path), type, size, modified, ...(type === "file" && { version: String(content) }) };
}

/** Files in a database. */
export class DatabaseFileSystem extends FileSystem {
  readonly #database: Database;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  override async stat(path: VirtualPath, { signal }: OperationOptions = {}): Promise<FileInfo> {
    check(path, signal);
    return infoOf(path, await this.#row(path));
  }

  override async *list(path: VirtualPath, { signal }: OperationOptions = {}): AsyncGenerator<FileInfo> {
    check(path, signal);
    const { type } = await this.#row(path);
    if (type !== "directory") throw new FileSystemError("ENOTDIR", path);
    for (let after = ""; ; ) {
      const page = await this.#database.page(path, after, PAGE);
      for (const [entry, row] of page) {
        signal?.throwIfAborted();
        yield infoOf(entry, row);
      }
      if (page.length < PAGE) return;
      after = page.at(-1)?.[0] ?? "";
    }
  }

  override async openRead(path: VirtualPath, { start = 0, end, signal }: ReadOptions = {}): Promise<ReadHandle> {
    check(path, signal);
    const row = await this.#row(path);
    if (row.type === "directory") throw new FileSystemError("EISDIR", path);
    if (!(start >= 0 && start <= row.size)) throw new FileSystemError("ERANGE", path);
    const body = this.#bytes(path, row.content, start, Math.min(end ?? row.size, row.size), signal);
    const close = async (): Promise<void> => void (await body.return(undefined));
    return { info: infoOf(path, row), body, close, [Symbol.asyncDispose]: close };
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const { mode, signal } = options;
    check(path, signal);
    if (mode === "append" || (mode === "at" && options.start !== 0)) throw new FileSystemError("ENOSYS", path);
    await this.#database.transaction((rows) => assertFree(rows, path, mode === "exclusive"));
    return new DatabaseUpload(this.#database, path, options);
  }

  override async remove(path: VirtualPath, { signal }: OperationOptions = {}): Promise<void> {
    check(path, signal);
    const { content } = await this.#database.transaction((rows) => {
      const row = existing(rows, path);
      if (row.type === "directory") throw new FileSystemError("EISDIR", path);
      rows.delete(path);
      return row;
    });
    await this.#database.drop(content);
  }

  override async makeDirectory(path: VirtualPath, { signal }: OperationOptions = {}): Promise<void> {
    check(path, signal);
    await this.#database.transaction((rows) => {
      if (rows.has(path)) throw new FileSystemError("EEXIST", path);
      assertParent(rows, path);
      rows.set(path, directoryRow());
    });
  }

  override async removeDirectory(path: VirtualPath, { signal }: OperationOptions = {}): Promise<void> {
    check(path, signal);
    await this.#database.transaction((rows) => {
      if (path === ROOT) throw new FileSystemError("EACCES", path);
      if (existing(rows, path).type !== "directory") throw new FileSystemError("ENOTDIR", path);
      for (const other of rows.keys())
        if (other !== path && isWithin(other, path)) throw new FileSystemError("ENOTEMPTY", path);
      rows.delete(path);
    });
  }

  override async rename(from: VirtualPath, to: VirtualPath, options: RenameOptions = {}): Promise<void> {
    check(from, options.signal);
    check(to);
    const replaced = await this.#database.transaction((rows) => {
      const row = existing(rows, from);
      if (from === to) return undefined;
      if (from === ROOT) throw new FileSystemError("EACCES", from);
      if (row.type === "directory" && isWithin(to, from)) throw new FileSystemError("EINVAL", to);
      const old = rows.get(to);
      const gives = options.overwrite && row.type === "file" && old?.type === "file";
      if (old !== undefined && !gives) throw new FileSystemError("EEXIST", to);
      assertParent(rows, to);
      const moving = [...rows].filter(([path]) => isWithin(path, from));
      for (const [path, moved] of moving) {
        rows.delete(path);
        rows.set(virtualPath(to + path.slice(from.length)), moved);
      }
      return old;
    });
    if (replaced !== undefined) await this.#database.drop(replaced.content);
  }

  override async setTimes(path: VirtualPath, times: FileTimes, { signal }: OperationOptions = {}): Promise<void> {
    check(path, signal);
    await this.#database.transaction((rows) => {
      const row = existing(rows, path);
      if (times.created !== undefined) throw new FileSystemError("ENOSYS", path);
      rows.set(path, { ...row, modified: times.modified ?? row.modified });
    });
  }

  /** Content is replaced whole. */
  override supports(capability: Capability, path?: VirtualPath): boolean {
    return capability !== "append" && super.supports(capability, path);
  }

  #row(path: VirtualPath): Promise<Row> {
    return this.#database.transaction((rows) => existing(rows, path));
  }

  async *#bytes(
    path: VirtualPath,
    content: number,
    start: number,
    end: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const chunk = await this.#database.chunk(content, Math.floor(at / CHUNK));
      if (chunk === undefined) throw new FileSystemError("EBUSY", path, { message: "replaced meanwhile" });
      // A copy: whoever gets it may change it.
      const piece = Uint8Array.from(chunk.subarray(at % CHUNK, (at % CHUNK) + end - at));
      yield piece;
      at += piece.length;
    }
  }
}

/** An upload: chunks under a number that no row has yet, and then, at once, the row. */
class DatabaseUpload implements WriteHandle {
  readonly offset = 0;
  readonly #database: Database;
  readonly #path: VirtualPath;
  readonly #options: WriteOptions;
  readonly #content: number;
  /** What does not fill a chunk yet. */
  #rest = Buffer.alloc(0);
  #chunks = 0;
  #size = 0;
  /** Settles when all that was given has been written; rejects where a part of it was not. */
  #writing: Promise<void> = Promise.resolve();
  #over = false;

  constructor(database: Database, path: VirtualPath, options: WriteOptions) {
    this.#database = database;
    this.#path = path;
    this.#options = options;
    this.#content = database.newContent();
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#options.signal?.throwIfAborted();
    this.#assertOpen();
    this.#writing = this.#writing.then(() => this.#take(chunks));
    // Where nobody waits for it, commit() tells of the error.
    this.#writing.catch(() => undefined);
    await this.#writing;
  }

  async commit(): Promise<FileInfo> {
    this.#assertOpen();
    this.#over = true;
    const path = this.#path;
    try {
      await this.#writing;
      if (this.#rest.length > 0) await this.#add(this.#rest);
      const row: Row = { type: "file", size: this.#size, modified: new Date(), content: this.#content };
      const replaced = await this.#database.transaction((rows) => {
        assertFree(rows, path, this.#options.mode === "exclusive");
        const old = rows.get(path);
        rows.set(path, row);
        return old;
      });
      if (replaced !== undefined) await this.#database.drop(replaced.content);
      return infoOf(path, row);
    } catch (error) {
      await this.#database.drop(this.#content);
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    // A chunk that is on its way would come after the others were dropped.
    await this.#writing.catch(() => undefined);
    // What cannot be dropped now is left to the job that drops orphans.
    await this.#database.drop(this.#content).catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  #assertOpen(): void {
    if (this.#over) throw new FileSystemError("EINVAL", this.#path, { message: "the upload is over" });
  }

  async #take(chunks: readonly Uint8Array[]): Promise<void> {
    this.#rest = Buffer.concat([this.#rest, ...chunks]);
    for (; this.#rest.length >= CHUNK; this.#rest = this.#rest.subarray(CHUNK))
      await this.#add(this.#rest.subarray(0, CHUNK));
  }

  async #add(bytes: Uint8Array): Promise<void> {
    // A copy: the buffer that it is cut from would stay in memory with it.
    await this.#database.addChunk(this.#content, this.#chunks++, Uint8Array.from(bytes));
    this.#size += bytes.length;
  }
}

/** Refuses paths that no server makes, and names that the database cannot keep; ends what nobody waits for. */
function check(path: VirtualPath, signal?: AbortSignal): void {
  let normal: string | undefined;
  try {
    normal = virtualPath(path);
  } catch {
    // NUL, CR or LF.
  }
  if (normal !== path || !path.isWellFormed()) throw new FileSystemError("EINVAL", path);
  signal?.throwIfAborted();
}

/** The row of a path. What is below a file is `ENOTDIR`. @param asked what the error is about */
function existing(rows: ReadonlyMap<VirtualPath, Row>, path: VirtualPath, asked: VirtualPath = path): Row {
  const row = rows.get(path);
  if (row !== undefined) return row;
  let above = parentOf(path);
  while (!rows.has(above)) above = parentOf(above);
  throw new FileSystemError(rows.get(above)?.type === "file" ? "ENOTDIR" : "ENOENT", asked);
}

function assertParent(rows: ReadonlyMap<VirtualPath, Row>, path: VirtualPath): void {
  if (existing(rows, parentOf(path), path).type !== "directory") throw new FileSystemError("ENOTDIR", path);
}

/** Whether a file can be made at a path, or, unless it must be new, replaced. */
function assertFree(rows: ReadonlyMap<VirtualPath, Row>, path: VirtualPath, isNew: boolean): void {
  const old = rows.get(path);
  if (old !== undefined && isNew) throw new FileSystemError("EEXIST", path);
  if (old?.type === "directory") throw new FileSystemError("EISDIR", path);
  assertParent(rows, path);
}

// Not where a test imports it.
if (process.argv[1] === import.meta.filename) {
  const fileSystem = new DatabaseFileSystem(new Database());
  const server = new Server({ host: "127.0.0.1", port: Number(process.env.PORT ?? 2121) });
  server.on("login", (login) => login.accept({ fileSystem }));
  server.on("error", ({ error }) => console.error(error));
  await server.listen();
  console.log(`ftp://anybody:any@127.0.0.1:${server.addresses[0]?.port}/`);
  process.once("SIGTERM", () => void server.close());
}
