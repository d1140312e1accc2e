/** The contract for Google Cloud Storage, on the fake of its API: as emulators are reached, and with credentials. */
import { fileSystemContract, type StoreCapabilities } from "../../dist/testing/index.js";
import { type GcsScene, gcsScene, leftovers } from "../kit/gcs-scene.js";

const MEBIBYTE = 1024 ** 2;

const CAPABILITIES: StoreCapabilities = {
  without: ["setTimes", "setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
  implicitDirectories: true,
  directoryRename: "empty",
  keepsName: (name) => name.isWellFormed(),
  pathBytes: 1024,
  borders: [256 * 1024, 5 * MEBIBYTE, 8 * MEBIBYTE],
  // Three pages.
  entries: 2500,
};

const probes = {
  leftovers: async (scene: GcsScene) => leftovers(scene),
  requests: ({ fake }: GcsScene) => fake.requests.length,
  stall: async ({ fake }: GcsScene) => fake.hold(),
};

fileSystemContract<GcsScene>({ name: "GCS", make: () => gcsScene(), capabilities: CAPABILITIES, probes });
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
  probes,
});
