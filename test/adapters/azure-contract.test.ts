/** The storage contract on Azure's emulator, without options. */
import { azureContract, CAPABILITIES } from "./azure-contract-scene.js";

await azureContract("Azure", {}, CAPABILITIES);
