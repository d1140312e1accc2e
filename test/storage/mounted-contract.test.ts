/** The contract through `mounted`: at the root, and below it. */
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import { mounted } from "../../dist/storage/mounted.js";
import { rooted } from "../../dist/storage/rooted.js";
import { contractThrough } from "./contract-through.js";

contractThrough("mounted at /", (store) => mounted({ "/": store }));
contractThrough("mounted at /in/a beside another", (store) =>
  rooted(mounted({ "/": new MemoryFileSystem(), "/in/a": store, "/in/b": new MemoryFileSystem() }), "/in/a"),
);
