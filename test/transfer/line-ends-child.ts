/** Says in one line whether this process can do line ends by WebAssembly, and what becomes of a text. */
import { lineEnds, vectorProgram } from "../../dist/transfer/line-ends.js";

const { expand, collapse, count } = lineEnds();
const text = Buffer.from("one\r\ntwo\n\rthree\n");
const lines = count(text);
const expanded = Buffer.from(expand(text, (length) => Buffer.alloc(length)));
const collapsed = text.subarray(0, collapse(text));
console.log(JSON.stringify([vectorProgram() !== undefined, lines, expanded.toString(), collapsed.toString()]));
