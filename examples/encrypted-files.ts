// A wrapper of your own: files are encrypted on their way to the store, whichever it is, and decrypted on the way back.
// Clients see plain files with their true sizes, and can resume downloads; what was tampered with is not handed out.
// A file is a salt and then chunks of 64 KiB, each sealed with AES-256-GCM under a key that the salt makes for this file
// alone. The chunk's number is its nonce and the last one is marked, so that none can be changed, moved or cut off.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Capability,
  type FileInfo,
  type FileSystem,
  FileSystemError,
  FileSystemWrapper,
  LocalFileSystem,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  Server,
  type StatOptions,
  type VirtualPath,
  type WriteHandle,
  type WriteOptions,
} from "portside";

const SALT = 32;
const CHUNK = 64 * 1024;
const TAG = 16;
const SEALED = CHUNK + TAG;

/** How many chunks a stored file has: at least one, so that an empty file can be told from one that was cut off. */
const chunksIn = (stored: number): number => Math.max(1, Math.ceil((stored - SALT) / SEALED));

/** What clients are told of a stored file. */
function plain(info: FileInfo): FileInfo {
  if (info.type !== "file") return info;
  return { ...info, size: Math.max(0, info.size - SALT - chunksIn(info.size) * TAG) };
}

/** Seals and opens the chunks of one file. */
class Sealer {
  readonly #key: Uint8Array;

  constructor(secret: Uint8Array, salt: Uint8Array) {
    this.#key = new Uint8Array(hkdfSync("sha256", secret, salt, "file content", 32));
  }

  seal(index: number, last: boolean, bytes: Uint8Array): Buffer {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce(index, last));
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  /** Nothing is given out unless every bit is as it was sealed. */
  open(index: number, last: boolean, sealed: Uint8Array, path: VirtualPath): Buffer {
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce(index, last), { authTagLength: TAG });
      decipher.setAuthTag(sealed.subarray(-TAG));
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()]);
    } catch (cause) {
      throw new FileSystemError("EIO", path, { cause });
    }
  }
}

function nonce(index: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUIntBE(index, 0, 6);
  bytes.writeUInt8(last ? 1 : 0, 11);
  return bytes;
}

/** The bytes of a stream in pieces of one size, the first of another; the last one may be shorter. */
async function* pieces(body: AsyncIterable<Uint8Array>, size: number, first = size): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  let next = first;
  for await (const chunk of body) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= next) {
      yield held.subarray(0, next);
      held = held.subarray(next);
      next = size;
    }
  }
  if (held.length > 0) yield held;
}

/** Which bytes of a file are read. */
interface Range extends OperationOptions {
  readonly path: VirtualPath;
  readonly start: number;
  readonly end: number;
  /** The chunk that is read first. */
  readonly first: number;
}

class EncryptedFileSystem extends FileSystemWrapper {
  readonly #secret: Uint8Array;

  /** The secret has 32 bytes; whoever loses it loses the files. */
  constructor(inner: FileSystem, secret: Uint8Array) {
    super(inner);
    this.#secret = secret;
  }

  override async stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return plain(await super.stat(path, options));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    for await (const info of super.list(path, options)) yield plain(info);
  }

  /** Only the salt and the chunks that hold the bytes asked for are read. */
  override async openRead(path: VirtualPath, { start = 0, end, signal }: ReadOptions = {}): Promise<ReadHandle> {
    const first = Math.floor(start / CHUNK);
    const from = first === 0 ? 0 : SALT + first * SEALED;
    const to = end === undefined ? undefined : SALT + Math.max(1, Math.ceil(end / CHUNK)) * SEALED;
    const handle = await super.openRead(path, { start: from, end: to, signal });
    const info = plain(handle.info);
    try {
      if (start > info.size) throw new FileSystemError("ERANGE", path);
      const salt = first === 0 ? undefined : await this.#salt(path, handle.info, signal);
      const range: Range = { path, start, end: Math.min(end ?? info.size, info.size), first, signal };
      const body = this.#open(handle, salt, range);
      return { info, body, close: () => handle.close(), [Symbol.asyncDispose]: () => handle.close() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The salt of the version that is being read: who resumes begins behind it. */
  async #salt(path: VirtualPath, { size, modified, version }: FileInfo, signal?: AbortSignal): Promise<Uint8Array> {
    await using handle = await super.openRead(path, { end: SALT, signal });
    const { info } = handle;
    if (info.size !== size || info.modified?.getTime() !== modified?.getTime() || info.version !== version)
      throw new FileSystemError("EBUSY", path, { message: "the file was replaced meanwhile" });
    for await (const salt of pieces(handle.body, SALT)) return salt;
    throw new FileSystemError("EIO", path, { message: "not an encrypted file" });
  }

  async *#open(handle: ReadHandle, salt: Uint8Array | undefined, range: Range): AsyncGenerator<Uint8Array> {
    const { path, start, end, first, signal } = range;
    const last = chunksIn(handle.info.size) - 1;
    let sealer = salt && new Sealer(this.#secret, salt);
    let index = first;
    for await (const piece of pieces(handle.body, SEALED, salt ? SEALED : SALT)) {
      signal?.throwIfAborted();
      if (sealer === undefined) {
        sealer = new Sealer(this.#secret, piece);
        continue;
      }
      const begin = index * CHUNK;
      const opened = sealer.open(index, index === last, piece, path);
      if (end > start) yield opened.subarray(Math.max(0, start - begin), end - begin);
      index++;
    }
    if (index * CHUNK < end || index === 0) throw new FileSystemError("EIO", path, { message: "the file was cut off" });
  }

  /** The same nonce must never seal two contents, so a file is only ever written whole. */
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    if (options.mode === "append" || options.mode === "at") throw new FileSystemError("ENOSYS", path);
    const { signal } = options;
    signal?.throwIfAborted();
    // Without the signal: also when it has fired, commit() has a last chunk to write.
    const handle = await super.openWrite(path, { ...options, signal: undefined, sizeHint: undefined });
    const salt = randomBytes(SALT);
    const sealer = new Sealer(this.#secret, salt);
    let index = 0;
    let held: Buffer = Buffer.alloc(0);
    let [begun, over] = [false, false];
    const send = async (sealed: readonly Buffer[]): Promise<void> => {
      await handle.write(begun ? sealed : [salt, ...sealed]);
      begun = true;
    };
    const abort = (reason?: unknown): Promise<void> => {
      over = true;
      return handle.abort(reason);
    };
    return {
      offset: 0,
      // What may be the last chunk is held back: it is sealed otherwise than the others.
      write: async (chunks) => {
        signal?.throwIfAborted();
        if (over) throw new FileSystemError("EINVAL", path, { message: "the upload is over" });
        held = Buffer.concat([held, ...chunks]);
        const sealed: Buffer[] = [];
        for (; held.length > CHUNK; held = held.subarray(CHUNK))
          sealed.push(sealer.seal(index++, false, held.subarray(0, CHUNK)));
        if (sealed.length > 0) await send(sealed);
      },
      commit: async () => {
        over = true;
        try {
          await send([sealer.seal(index, true, held)]);
        } catch (error) {
          await handle.abort(error);
          throw error;
        }
        return plain(await handle.commit());
      },
      abort,
      [Symbol.asyncDispose]: () => abort(),
    };
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return capability !== "append" && super.supports(capability, path);
  }
}

const folder = await mkdtemp(join(tmpdir(), "encrypted-"));
// A real one comes from where secrets are kept, and is the same after every start.
const fileSystem = new EncryptedFileSystem(new LocalFileSystem(folder), randomBytes(32));

const server = new Server({ host: "127.0.0.1", port: Number(process.env.PORT ?? 2121) });
server.on("login", (login) => login.accept({ fileSystem }));
server.on("stored", ({ path }) => console.log(`stored ${join(folder, path)}`));
server.on("error", ({ error }) => console.error(error));
await server.listen();
console.log(`ftp://anybody:any@127.0.0.1:${server.addresses[0]?.port}/`);
process.once("SIGTERM", () => void server.close());
