/** The contract through `faulty` with nothing planned, and with faults that strike elsewhere or only delay. */
import { faulty } from "../../dist/testing/index.js";
import { contractThrough } from "./contract-through.js";

contractThrough("faulty", (store) =>
  faulty(store, [
    { at: "read", path: "/elsewhere", fail: "EIO" },
    { at: "write", path: /^\/elsewhere/, after: 3, truncate: true },
    { at: "stat", call: 1, delay: 1 },
    { at: "commit", call: 1, delay: 1 },
  ]),
);
