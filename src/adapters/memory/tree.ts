/** The nodes of a file system in memory and the way to them. Everything happens at once: no promise, no race. */
import { componentsOf } from "../../storage/components-of.js";
import type { FileInfo } from "../../storage/file-info.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { baseName, parentOf, ROOT, type VirtualPath } from "../../storage/names.js";
import type { Content } from "./content.js";

interface NodeFacts {
  /** Never used twice. */
  readonly serial: number;
  created: Date;
  modified: Date;
  mode: number;
}

/** A file: its content is replaced as a whole, never changed. */
export interface MemoryFile extends NodeFacts {
  readonly type: "file";
  content: Content;
  /** Another one for each content. */
  version: number;
}

/** A directory and what it holds, by name. */
export interface MemoryDirectory extends NodeFacts {
  readonly type: "directory";
  readonly entries: Map<string, MemoryNode>;
}

/** Whatever has a name. */
export type MemoryNode = MemoryFile | MemoryDirectory;

/** A name in a directory, whether taken or not. */
export interface Place {
  readonly directory: MemoryDirectory;
  readonly name: string;
  readonly node: MemoryNode | undefined;
}

/** The directories and files below one root. */
export class Tree {
  #serial = 0;
  readonly #root: MemoryDirectory = this.newDirectory();

  newDirectory(umask = 0o022): MemoryDirectory {
    return { type: "directory", entries: new Map(), mode: 0o777 & ~umask, ...this.#facts() };
  }

  newFile(content: Content, umask = 0o022): MemoryFile {
    return { type: "file", content, version: this.newVersion(), mode: 0o666 & ~umask, ...this.#facts() };
  }

  newVersion(): number {
    return ++this.#serial;
  }

  /** @throws FileSystemError `ENOENT`, `ENOTDIR`, `EINVAL` */
  node(path: VirtualPath): MemoryNode {
    let node: MemoryNode | undefined = this.#root;
    for (const name of componentsOf(path)) {
      if (node?.type === "file") throw new FileSystemError("ENOTDIR", path);
      node = node?.entries.get(name);
      if (node === undefined) throw new FileSystemError("ENOENT", path);
    }
    return node;
  }

  /** Where a name is, or can be made. The root has no such place. @throws FileSystemError about its directory */
  place(path: VirtualPath): Place {
    componentsOf(path);
    const directory = this.#parent(path);
    if (directory.type === "file") throw new FileSystemError("ENOTDIR", path);
    const name = baseName(path);
    return { directory, name, node: directory.entries.get(name) };
  }

  #parent(path: VirtualPath): MemoryNode {
    try {
      return this.node(parentOf(path));
    } catch (error) {
      throw error instanceof FileSystemError ? new FileSystemError(error.code, path, { cause: error }) : error;
    }
  }

  #facts(): Pick<NodeFacts, "serial" | "created" | "modified"> {
    const now = new Date();
    return { serial: ++this.#serial, created: now, modified: now };
  }
}

/** Puts a node, or nothing, at a place. */
export function put({ directory, name }: Place, node: MemoryNode | undefined): void {
  if (node === undefined) directory.entries.delete(name);
  else directory.entries.set(name, node);
  directory.modified = new Date();
}

/** What clients are told of a node. */
export function infoOf(path: VirtualPath | string, node: MemoryNode): FileInfo {
  const { type, created, modified, mode } = node;
  const facts = { type, created, modified, mode, unique: String(node.serial) };
  const name = path === ROOT ? "" : path.slice(path.lastIndexOf("/") + 1);
  if (node.type === "directory") return { name, size: 0, ...facts };
  return { name, size: node.content.size, ...facts, links: 1, version: String(node.version) };
}
