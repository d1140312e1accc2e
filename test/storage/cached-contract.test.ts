/** The contract through `cached`: what it remembers is never what was changed through it. */
import { cached } from "../../dist/storage/cached.js";
import { contractThrough } from "./contract-through.js";

contractThrough("cached", (store) => cached(store, { milliseconds: 600_000, entries: 100 }));
contractThrough("cached in little room", (store) => cached(store, { milliseconds: 600_000, entries: 8 }));
