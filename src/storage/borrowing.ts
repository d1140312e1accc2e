/** What a handle that hands chunks on says of who looks at them. */
import type { WriteHandle } from "./file-system.js";

/**
 * The outer handle, which borrows chunks where the inner one does. Not a property that copies of it get: one that keeps chunks
 * must not say that it does not.
 */
export function borrowingAs(inner: WriteHandle, outer: WriteHandle): WriteHandle {
  return Object.defineProperty(outer, "borrows", { value: inner.borrows === true, configurable: true, writable: true });
}
