/** `portside/testing`: what the authors of stores test with. Named re-exports, nothing computed. */
export type { StoreCapabilities, StoreFeature } from "./capabilities.js";
export type { ContractProbes, ContractSubject } from "./contract/trial.js";
export { type ContractCase, type ContractOptions, contractCases } from "./contract-cases.js";
export { FaultyFileSystem, faulty } from "./faulty.js";
export type { Fault, FaultEffect, FaultPlace, FaultPoint } from "./faulty-plan.js";
export {
  type ContractRun,
  type DescribeFunction,
  fileSystemContract,
  type TestFunction,
} from "./file-system-contract.js";
