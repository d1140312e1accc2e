/** The contract, for every adapter that needs no server, and through every wrapper that lets everything pass. */
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileSystem } from "../../dist/storage/file-system.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { type Permission, restricted } from "../../dist/storage/restricted.js";
import { rooted } from "../../dist/storage/rooted.js";
import { type ContractSubject, fileSystemContract, type StoreCapabilities } from "../../dist/testing/index.js";
import { at } from "../storage/store.js";
import { type Folder, folder, parts, withoutDescriptors } from "./folder.js";

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

/** Entries of a large directory, where that is not what is tested. */
const FEW = 1000;
const MANY = 100_000;

const MEMORY: StoreCapabilities = { without: ["availableSpace"], entries: FEW };
const LOCAL: StoreCapabilities = { without: ["setCreated", "version"], entries: FEW };

function memory(wrap: (store: FileSystem) => FileSystem = (store) => store): () => Promise<ContractSubject> {
  return async () => ({ store: wrap(new MemoryFileSystem()), [Symbol.asyncDispose]: async () => undefined });
}

async function subtree(): Promise<ContractSubject> {
  const whole = new MemoryFileSystem();
  await whole.makeDirectory(at("/home"));
  await whole.makeDirectory(at("/home/anna"));
  return { store: rooted(whole, "/home/anna"), [Symbol.asyncDispose]: async () => undefined };
}

async function elsewhere(): Promise<Folder> {
  const made = await folder();
  const store = withoutDescriptors(() => new LocalFileSystem(made.root));
  return { ...made, store, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() };
}

function local(name: string, make: () => Promise<Folder>, capabilities: StoreCapabilities = LOCAL): void {
  fileSystemContract({ name, make, capabilities, probes: { leftovers: ({ root }) => parts(Buffer.from(root)) } });
}

fileSystemContract({ name: "memory", make: memory(), capabilities: { ...MEMORY, entries: MANY } });
fileSystemContract({
  name: "memory with a bound",
  capabilities: { entries: FEW },
  make: async () => ({
    store: new MemoryFileSystem({ maxBytes: 64 * 1024 * 1024 }),
    [Symbol.asyncDispose]: async () => undefined,
  }),
});
local("local", () => folder(), { ...LOCAL, entries: MANY });
local("local, links denied", () => folder({ symlinks: "deny", durable: true }));
// A file that is exchanged while it is opened by its name is EBUSY.
local("local, without /proc/self/fd", elsewhere, { ...LOCAL, snapshotReads: false });
fileSystemContract({ name: "wrapped", make: memory((store) => new FileSystemWrapper(store)), capabilities: MEMORY });
fileSystemContract({
  name: "restricted to everything",
  make: memory((store) => restricted(store, EVERYTHING)),
  capabilities: MEMORY,
});
fileSystemContract({ name: "rooted", make: subtree, capabilities: MEMORY });
