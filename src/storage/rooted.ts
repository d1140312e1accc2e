/** A subtree of a file system as a file system of its own. */
import { componentsOf } from "./components-of.js";
import type { FileInfo } from "./file-info.js";
import type {
  Capability,
  CreationOptions,
  FileSystem,
  OperationOptions,
  RenameOptions,
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "./file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "./file-system-error.js";
import { isWithin, ROOT, type VirtualPath, virtualPath } from "./names.js";
import { TranslatedFileSystem } from "./translated-file-system.js";

/**
 * The tree below `path` as a whole: its root is that directory, and no path leads out of it. Links that the
 * store itself follows are the store's affair: where they must stay inside, give the store this root.
 * @param path absolute; it need not exist yet, the operations then report `ENOENT`
 * @throws FtpError `BAD_PATH` where the path cannot be one
 * @example
 * login.accept({ fileSystem: rooted(everything, `/home/${login.username}`) });
 */
export function rooted(fileSystem: FileSystem, path: string): FileSystem {
  return new RootedFileSystem(fileSystem, virtualPath(path));
}

class RootedFileSystem extends TranslatedFileSystem {
  readonly #base: VirtualPath;

  constructor(inner: FileSystem, base: VirtualPath) {
    super(inner);
    this.#base = base;
  }

  protected override inward(path: VirtualPath): VirtualPath {
    componentsOf(path);
    return (this.#base === ROOT ? path : path === ROOT ? this.#base : `${this.#base}${path}`) as VirtualPath;
  }

  protected override outward(path: string): string | undefined {
    if (!isWithin(path as VirtualPath, this.#base)) return undefined;
    return (this.#base === ROOT ? path : path.slice(this.#base.length)) || ROOT;
  }

  override async stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    const info = await super.stat(path, options);
    return path === ROOT ? { ...info, name: "" } : info;
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    refuseRoot(path, "EISDIR");
    return super.openWrite(path, options);
  }

  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    refuseRoot(path, "EISDIR");
    return super.remove(path, options);
  }

  override async makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    refuseRoot(path, "EEXIST");
    return super.makeDirectory(path, options);
  }

  override async removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    refuseRoot(path, "EACCES");
    return super.removeDirectory(path, options);
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    refuseRoot(from, "EACCES");
    refuseRoot(to, "EEXIST");
    return super.rename(from, to, options);
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return super.supports(capability, path ?? ROOT);
  }
}

/** The root of a subtree is no name in it, and cannot be made, replaced or taken away from inside. */
function refuseRoot(path: VirtualPath, code: FileSystemErrorCode): void {
  if (path === ROOT) throw new FileSystemError(code, path);
}
