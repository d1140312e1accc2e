/** The storage contract on Azure's emulator, with a prefix, times and renames of directories. */
import { azureContract, CAPABILITIES, MEBIBYTE } from "./azure-contract-scene.js";

const options = { prefix: "p/q", keepTimes: true, maxRename: 1000, partSize: 5 * MEBIBYTE, concurrency: 4 };
await azureContract("Azure, with a prefix, times and renames of directories", options, {
  ...CAPABILITIES,
  without: ["setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
  directoryRename: "all",
  pathBytes: 1024 - "p/q/".length,
  borders: [5 * MEBIBYTE],
  // Two pages.
  entries: 1200,
});
