/** What adapters need of the floor below: paths, and text as bytes. Adapters import storage/ only. */
export { decodeText, encodeText } from "../wire/text-encoding.js";
export type { VirtualPath } from "../wire/virtual-path.js";
export { baseName, childOf, isWithin, parentOf, ROOT, virtualPath } from "../wire/virtual-path.js";
