/** The contract through `quota`: a bound that is wide enough changes nothing. */
import { quota } from "../../dist/storage/quota.js";
import { contractThrough } from "./contract-through.js";

contractThrough("quota", (store) => quota(store, { bytes: 1024 ** 3, files: 100_000 }), ["availableSpace"]);
