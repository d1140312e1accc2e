/** Pages of listings, in which blobs that are markers of directories look like directories. */
import type { BlobItem, ContainerClient } from "@azure/storage-blob";
import type { ListRequest, ObjectInfo, ObjectPage } from "../objects/object-store.js";
import { isFolder, objectMetadata, versionOf } from "./azure-names.js";

/** Names of a page: more, and the first one comes late and memory grows. */
const PAGE = 1000;

/** One page as the service gives it. */
interface Segment {
  readonly items: readonly BlobItem[];
  readonly prefixes: readonly string[];
  readonly token: string | undefined;
}

/** What pages of both kinds have in common. */
interface Page {
  readonly continuationToken?: string;
  readonly segment: {
    readonly blobItems: readonly BlobItem[];
    readonly blobPrefixes?: readonly { readonly name: string }[];
  };
}

/** One page of the blobs and prefixes of a container. @param signal ends the request */
export async function listPage(
  container: ContainerClient,
  request: ListRequest,
  signal: AbortSignal,
): Promise<ObjectPage> {
  // The marker `d` comes before the prefix `d/`, and maybe a page before it: it is remembered until that can not be.
  const [token, ...open] = request.from === undefined ? [] : (JSON.parse(request.from) as string[]);
  const segment = await segmentOf(container, request, token, signal);
  const folders = segment.items.filter(({ metadata }) => isFolder(metadata)).map(({ name }) => name);
  const shown = new Set([...open, ...folders].map((name) => `${name}/`));
  const prefixes = [...folders.map((name) => `${name}/`), ...segment.prefixes.filter((prefix) => !shown.has(prefix))];
  return {
    objects: segment.items.flatMap((item) => objectOf(item, request.grouped)),
    prefixes: request.grouped ? prefixes : [],
    next: segment.token && JSON.stringify([segment.token, ...stillOpen([...open, ...folders], segment)]),
  };
}

async function segmentOf(
  container: ContainerClient,
  { prefix, grouped, limit = PAGE }: ListRequest,
  continuationToken: string | undefined,
  abortSignal: AbortSignal,
): Promise<Segment> {
  const options = { prefix, abortSignal, includeMetadata: true };
  const settings = { maxPageSize: limit, ...(continuationToken !== undefined && { continuationToken }) };
  const pages: AsyncIterable<Page> = grouped
    ? container.listBlobsByHierarchy("/", options).byPage(settings)
    : container.listBlobsFlat(options).byPage(settings);
  for await (const { segment, continuationToken: token } of pages) {
    const prefixes = (segment.blobPrefixes ?? []).map(({ name }) => name);
    return { items: segment.blobItems, prefixes, token: token === "" ? undefined : token };
  }
  return { items: [], prefixes: [], token: undefined };
}

/** In a grouped listing a marker is a prefix, otherwise an object whose key ends with `/`. */
function objectOf({ name, properties, metadata }: BlobItem, grouped: boolean): readonly ObjectInfo[] {
  const folder = isFolder(metadata);
  if (folder && grouped) return [];
  const info = {
    key: folder ? `${name}/` : name,
    size: properties.contentLength ?? 0,
    modified: properties.lastModified,
    version: versionOf(properties.etag),
    metadata: objectMetadata(metadata),
  };
  return [info];
}

/** All names between `d` and `d/` begin with `d`: once another one has come, the prefix has been or will not be. */
function stillOpen(markers: readonly string[], { items, prefixes }: Segment): readonly string[] {
  const last = [items.at(-1)?.name, prefixes.at(-1)].filter((name) => name !== undefined);
  return markers.filter((marker) => last.every((name) => name < marker || name.startsWith(marker)));
}
