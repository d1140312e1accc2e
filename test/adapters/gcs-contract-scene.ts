/** What the contract is told of the adapter for Google Cloud Storage, however it is reached. */
import type { StoreCapabilities } from "../../dist/testing/index.js";
import { type GcsScene, leftovers } from "../kit/gcs-scene.js";

/** Bytes of a mebibyte. */
export const MEBIBYTE = 1024 ** 2;

/** What it can do without options. */
export const CAPABILITIES: StoreCapabilities = {
  without: ["setTimes", "setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
  implicitDirectories: true,
  directoryRename: "empty",
  keepsName: (name) => name.isWellFormed(),
  pathBytes: 1024,
  borders: [256 * 1024, 5 * MEBIBYTE, 8 * MEBIBYTE],
  // Three pages.
  entries: 2500,
};

/** Where the fake can be looked into. */
export const PROBES = {
  leftovers: async (scene: GcsScene) => leftovers(scene),
  requests: ({ fake }: GcsScene) => fake.requests.length,
  stall: async ({ fake }: GcsScene) => fake.hold(),
};
