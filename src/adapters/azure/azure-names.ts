/**
 * Keys as names of blobs. A directory's marker, whose key ends with `/`, is a blob without bytes that is named like the
 * directory and says so in its metadata: names that end with `/` are discouraged, and Azure's own tools and accounts
 * with a hierarchical namespace do it this way.
 */
import { FileSystemError } from "../../storage/file-system-error.js";

/** The metadata of a directory's marker. */
const FOLDER = "hdi_isfolder";

/** Metadata as the SDK gives it, where it may be absent. */
export type Metadata = Readonly<Record<string, string>>;

/** Whether the key is that of a directory's marker. */
export function isMarker(key: string): boolean {
  return key.endsWith("/");
}

/**
 * The name of the blob with that key.
 * @throws FileSystemError `EINVAL` for what would not be that name any more: the service turns `\` into `/` and drops
 * dots at the end of a component, the SDK resolves `.` and `..` and so leaves the container, and neither takes control
 * characters, and listings are XML, which has no U+FFFE and U+FFFF.
 */
export function blobName(key: string): string {
  const name = isMarker(key) ? key.slice(0, -1) : key;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\\\u0000-\u001f\u007f-\u009f\ufffe\uffff]|\.(?:\/|$)/.test(name)) throw new FileSystemError("EINVAL", key);
  return name;
}

/** Whether a blob with that metadata is a directory's marker. */
export function isFolder(metadata: Metadata | undefined): boolean {
  // Listings keep the case of names, headers lose it.
  return Object.entries(metadata ?? {}).some(
    ([name, value]) => name.toLowerCase() === FOLDER && value.toLowerCase() === "true",
  );
}

/** Metadata as objects have it: in lower case, without what makes a marker. Azure's names have no `-`, but `_`. */
export function objectMetadata(metadata: Metadata | undefined): Metadata {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(
    entries.filter(([name]) => name !== FOLDER).map(([name, value]) => [name.replaceAll("_", "-"), value]),
  );
}

/** Metadata as the blob of that key has it. */
export function blobMetadata(key: string, metadata: Metadata | undefined): Record<string, string> {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name.replaceAll("-", "_"), value] as const);
  return { ...Object.fromEntries(entries), ...(isMarker(key) && { [FOLDER]: "true" }) };
}

/** An ETag in one spelling: listings leave the quotes out. */
export function versionOf(etag: string | undefined): string | undefined {
  return etag === undefined || etag.startsWith('"') ? etag : `"${etag}"`;
}
