/** The contract for Google Cloud Storage, on the fake of its API, with credentials and other options. */
import { fileSystemContract } from "../../dist/testing/index.js";
import { type GcsScene, gcsScene } from "../kit/gcs-scene.js";
import { CAPABILITIES, MEBIBYTE, PROBES } from "./gcs-contract-scene.js";

fileSystemContract<GcsScene>({
  name: "GCS, with credentials, a prefix, times and renames of directories",
  make: () => gcsScene({ prefix: "p/q", keepTimes: true, maxRename: 1000, partSize: 5 * MEBIBYTE }, true),
  capabilities: {
    ...CAPABILITIES,
    without: ["setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
    directoryRename: "all",
    pathBytes: 1024 - "p/q/".length,
    borders: [5 * MEBIBYTE],
  },
  probes: PROBES,
});
