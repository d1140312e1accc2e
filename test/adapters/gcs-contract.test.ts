/** The contract for Google Cloud Storage, on the fake of its API, as emulators are reached. */
import { fileSystemContract } from "../../dist/testing/index.js";
import { type GcsScene, gcsScene } from "../kit/gcs-scene.js";
import { CAPABILITIES, PROBES } from "./gcs-contract-scene.js";

fileSystemContract<GcsScene>({ name: "GCS", make: () => gcsScene(), capabilities: CAPABILITIES, probes: PROBES });
