/** The short words for what tests of stores do all the time: those that the contract itself is written in. */
export {
  at,
  begin,
  bytes,
  entries,
  everyChange,
  everyLookup,
  everyOperation,
  names,
  put,
  refused,
  text,
} from "../../dist/testing/store-words.js";
