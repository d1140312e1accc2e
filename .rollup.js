/**
 * Joins what `tsc` has written to `dist`: all modules that `import "portside"` loads become one file, since to find and to
 * link each of them takes longer than to run it. Every module stays where it was and gives what it gave, out of that file:
 * tests, the other entries and the program see the same classes as a host does. Nothing is dropped or made shorter.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const DIST = join(import.meta.dirname, "dist");
const START = join(DIST, "index.js");

const modules = readdirSync(DIST, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".js"))
  .map((path) => join(DIST, path));

/** A module, and all that are loaded before it; not what it loads later. */
function loadedWith(id, importsOf, found = new Set()) {
  if (!id.startsWith(DIST) || found.has(id)) return found;
  found.add(id);
  for (const next of importsOf(id)) loadedWith(next, importsOf, found);
  return found;
}

let start;

export default {
  input: Object.fromEntries(modules.map((path) => [relative(DIST, path).replace(/\.js$/, ""), path])),
  external: (id) => !id.startsWith(".") && !id.startsWith(DIST),
  treeshake: false,
  plugins: [
    {
      name: "output of tsc",
      // With its map, so that lines are those of src/.
      load: (id) => ({ code: readFileSync(id, "utf8"), map: readFileSync(`${id}.map`, "utf8") }),
    },
  ],
  onwarn(warning) {
    throw new Error(warning.message);
  },
  output: {
    dir: DIST,
    sourcemap: true,
    // The package has src/.
    sourcemapExcludeSources: true,
    minifyInternalExports: false,
    hoistTransitiveImports: false,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    // By its own name Node comes to it through CommonJS, which takes longer than all of portside.
    paths: { tslib: "tslib/tslib.es6.mjs" },
    manualChunks(id, { getModuleInfo }) {
      start ??= loadedWith(START, (of) => getModuleInfo(of).importedIds);
      return start.has(id) ? "portside" : undefined;
    },
  },
};
