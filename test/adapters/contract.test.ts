/** The contract, for every adapter and through every wrapper that lets everything pass. */
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileSystem } from "../../dist/storage/file-system.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { type Permission, restricted } from "../../dist/storage/restricted.js";
import { rooted } from "../../dist/storage/rooted.js";
import { fileSystemContract, type Subject } from "../storage/contract.js";
import { at } from "../storage/store.js";
import { folder, withoutDescriptors } from "./folder.js";

const EVERYTHING: readonly Permission[] = [
  "list",
  "read",
  "write",
  "append",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
];

function memory(wrap: (store: FileSystem) => FileSystem = (store) => store): () => Promise<Subject> {
  return async () => ({ store: wrap(new MemoryFileSystem()), [Symbol.asyncDispose]: async () => undefined });
}

async function subtree(): Promise<Subject> {
  const whole = new MemoryFileSystem();
  await whole.makeDirectory(at("/home"));
  await whole.makeDirectory(at("/home/anna"));
  return { store: rooted(whole, "/home/anna"), [Symbol.asyncDispose]: async () => undefined };
}

async function elsewhere(): Promise<Subject> {
  const made = await folder();
  const store = withoutDescriptors(() => new LocalFileSystem(made.root));
  return { store, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() };
}

fileSystemContract("memory", memory());
fileSystemContract("memory with a bound", async () => ({
  store: new MemoryFileSystem({ maxBytes: 64 * 1024 * 1024 }),
  [Symbol.asyncDispose]: async () => undefined,
}));
fileSystemContract("local", () => folder());
fileSystemContract("local, links denied", () => folder({ symlinks: "deny", durable: true }));
fileSystemContract("local, without /proc/self/fd", elsewhere);
fileSystemContract(
  "wrapped",
  memory((store) => new FileSystemWrapper(store)),
);
fileSystemContract(
  "restricted to everything",
  memory((store) => restricted(store, EVERYTHING)),
);
fileSystemContract("rooted", subtree);
