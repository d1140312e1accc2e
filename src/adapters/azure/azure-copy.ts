/** Copying a blob in its account: the service does it by itself, at once or while it is looked at. */
import { setTimeout as pause } from "node:timers/promises";
import type { BlobBeginCopyFromUrlPollState, BlobGetPropertiesResponse } from "@azure/storage-blob";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo } from "../objects/object-store.js";
import { type AzureContainer, conditionsOf } from "./azure-container.js";
import { versionOf } from "./azure-names.js";

/** Milliseconds between two looks at a copy that is under way. */
const INTERVAL = 250;

/**
 * Copies a blob with its metadata and type.
 * @throws FileSystemError `ENOENT`, `EEXIST` where only a new one is wanted, `EBUSY` where the old one has changed or the
 * copy does not come on
 */
export async function copyBlob(
  container: AzureContainer,
  from: ObjectInfo,
  to: string,
  { exclusive, signal }: { readonly exclusive: boolean; readonly signal: AbortSignal | undefined },
): Promise<ObjectInfo> {
  const [source, target] = [container.blob(from.key), container.blob(to)];
  const { accessTier } = container.options;
  const poller = await container.run(to, signal, (options) =>
    target.beginCopyFromURL(source.url, {
      ...options,
      conditions: conditionsOf({ exclusive }),
      sourceConditions: conditionsOf({ version: from.version }),
      ...(accessTier !== undefined && from.size > 0 && { tier: accessTier }),
    }),
  );
  const { copyId, result } = poller.getOperationState() as BlobBeginCopyFromUrlPollState;
  const done: CopyState = result?.copyStatus === "success" ? result : await finished(container, to, copyId, signal);
  return { key: to, size: from.size, modified: done.lastModified, version: versionOf(done.etag) };
}

type CopyState = Pick<
  BlobGetPropertiesResponse,
  "copyStatus" | "copyStatusDescription" | "copyProgress" | "copyId" | "etag" | "lastModified"
>;

/** Waits for a copy as long as it comes on; what has become of one that does not is removed. */
async function finished(
  container: AzureContainer,
  to: string,
  copyId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<CopyState> {
  const { requestTimeout } = container.options;
  let progress: string | undefined;
  let since = performance.now();
  for (;;) {
    const state: CopyState = await container.run(to, signal, (options) => container.blob(to).getProperties(options));
    if (state.copyId !== copyId) throw new FileSystemError("EBUSY", to, { message: "replaced while it was copied" });
    if (state.copyStatus === "success") return state;
    if (state.copyProgress !== progress) [progress, since] = [state.copyProgress, performance.now()];
    const stuck = requestTimeout > 0 && performance.now() - since > requestTimeout;
    if (state.copyStatus !== "pending" || stuck) {
      await giveUp(container, to, state);
      const message = `the copy is ${state.copyStatus}: ${state.copyStatusDescription ?? state.copyProgress}`;
      throw new FileSystemError(stuck ? "EBUSY" : "EIO", to, { message });
    }
    await pause(INTERVAL);
  }
}

/** A copy that failed leaves an empty blob. Its removal is nobody's answer. */
async function giveUp(container: AzureContainer, to: string, { copyStatus, copyId }: CopyState): Promise<void> {
  const blob = container.blob(to);
  try {
    if (copyStatus === "pending" && copyId !== undefined)
      await container.run(to, undefined, (options) => blob.abortCopyFromURL(copyId, options));
    const { etag, copyId: last } = await container.run(to, undefined, (options) => blob.getProperties(options));
    if (last !== copyId || etag === undefined) return;
    await container.run(to, undefined, (options) => blob.delete({ ...options, conditions: { ifMatch: etag } }));
  } catch {
    // It stays for whoever looks after the container.
  }
}
