/** A block blob that is put together of blocks. */
import { randomBytes } from "node:crypto";
import type { Block } from "@azure/storage-blob";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo, PartUpload, PutRequest } from "../objects/object-store.js";
import { orMissing } from "../objects/request.js";
import { type AzureContainer, conditionsOf } from "./azure-container.js";
import { unmet } from "./azure-errors.js";
import { md5Of } from "./azure-md5.js";
import { versionOf } from "./azure-names.js";

/** Bytes of an identifier: as many as the SDK's own uploads use, so that its leftovers are not in the way. */
const ID_BYTES = 48;
/** With fewer, two writers could choose the same ones. */
const MIN_ID_BYTES = 8;
/** A blob has at most 50,000 blocks: where it has many, the small ones at its end are sent again as one. */
const MERGE_FROM = 1000;
const MERGE_BYTES = 4 * 1024 ** 2;

/**
 * Blocks under random identifiers, which no other writer has, then the list of them. There is no request that forgets
 * blocks: what is not committed stays invisible until the next commit to that name, or until the service drops it
 * after a week.
 */
export class AzurePartUpload implements PartUpload {
  readonly #container: AzureContainer;
  readonly #key: string;
  readonly #request: PutRequest;
  /** What the blob consists of now, and its version. */
  readonly #old: readonly Block[];
  readonly #oldVersion: string | undefined;
  readonly #idBytes: number;
  /** Blocks that are taken over. */
  #kept: readonly Block[] = [];
  /** Of the blob that is added to. */
  #version: string | undefined;
  /** By number, from 0. */
  readonly #parts: Block[] = [];

  /** @internal */
  constructor(container: AzureContainer, key: string, request: PutRequest, found: Found) {
    this.#container = container;
    this.#key = key;
    this.#request = request;
    this.#version = request.version;
    this.#old = found.committed;
    this.#oldVersion = found.version;
    this.#idBytes = found.idBytes;
  }

  /** Begins an upload: all blocks of a blob have identifiers of one length, so what is there is looked at first. */
  static async begin(
    container: AzureContainer,
    key: string,
    request: PutRequest,
    signal: AbortSignal | undefined,
  ): Promise<AzurePartUpload> {
    const list = await orMissing(
      container.run(key, signal, (options) => container.blob(key).getBlockList("all", options)),
    );
    const committed = list?.committedBlocks ?? [];
    const [model] = [...(list?.uncommittedBlocks ?? []), ...committed];
    const length = model === undefined ? ID_BYTES : lengthOf(model);
    const idBytes = length < MIN_ID_BYTES ? ID_BYTES : length;
    return new AzurePartUpload(container, key, request, { committed, version: versionOf(list?.etag), idBytes });
  }

  /** Takes over whole blocks; a blob that came in one request has none. */
  async keep(end: number, version: string | undefined): Promise<number> {
    if (version !== this.#oldVersion && version !== undefined)
      throw new FileSystemError("EBUSY", this.#key, { message: "changed meanwhile" });
    this.#version ??= version;
    // Blocks of both lengths cannot be in one blob.
    if (this.#old.some((block) => lengthOf(block) !== this.#idBytes)) return 0;
    this.#kept = merged(within(this.#old, end), end);
    return sizeOf(this.#kept);
  }

  async part(number: number, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const name = randomBytes(this.#idBytes).toString("base64");
    const md5 = this.#container.options.contentMd5 ? await md5Of(body) : undefined;
    await this.#container.run(
      this.#key,
      signal,
      (options) =>
        this.#container.blob(this.#key).stageBlock(name, body, body.length, {
          ...options,
          ...(md5 && { transactionalContentMD5: md5 }),
        }),
      body.length,
    );
    this.#parts[number] = { name, size: body.length };
  }

  async complete(): Promise<ObjectInfo> {
    const [container, key] = [this.#container, this.#key];
    const put = { ...this.#request, version: this.#version };
    const blocks = [...this.#kept, ...this.#parts];
    const names = blocks.map(({ name }) => name);
    const conditions = conditionsOf(put);
    try {
      const { etag, lastModified } = await container.run(key, undefined, (options) =>
        container.blob(key).commitBlockList(names, { ...options, ...container.attributes(key, put), conditions }),
      );
      return { key, size: sizeOf(blocks), modified: lastModified, version: versionOf(etag) };
    } catch (error) {
      const own = await this.#committed(names);
      if (own !== undefined) return { key, size: sizeOf(blocks), ...own };
      throw unmet(error, key, put);
    }
  }

  /** Nothing to do: see the class. */
  async abort(): Promise<void> {}

  /** An answer can be lost, and the SDK asks again: the refusal that comes then may be due to what it did itself. */
  async #committed(names: readonly string[]): Promise<Pick<ObjectInfo, "modified" | "version"> | undefined> {
    const [container, key] = [this.#container, this.#key];
    try {
      const list = await container.run(key, undefined, (options) =>
        container.blob(key).getBlockList("committed", options),
      );
      const found = (list.committedBlocks ?? []).map(({ name }) => name);
      if (names.length === 0 || found.join() !== names.join()) return undefined;
      return { modified: list.lastModified, version: versionOf(list.etag) };
    } catch {
      return undefined;
    }
  }
}

interface Found {
  readonly committed: readonly Block[];
  readonly version: string | undefined;
  readonly idBytes: number;
}

function lengthOf({ name }: Block): number {
  return Buffer.from(name, "base64").length;
}

function sizeOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { size }) => sum + size, 0);
}

/** The first blocks, as far as they end before `end`. */
function within(blocks: readonly Block[], end: number): readonly Block[] {
  let sum = 0;
  const beyond = blocks.findIndex(({ size }) => {
    sum += size;
    return sum > end;
  });
  return beyond === -1 ? blocks : blocks.slice(0, beyond);
}

/** Without the small blocks at the end, where there are many and all that is behind them is little. */
function merged(blocks: readonly Block[], end: number): readonly Block[] {
  let count = blocks.length;
  if (count < MERGE_FROM) return blocks;
  let behind = end - sizeOf(blocks);
  for (let block = blocks[count - 1]; block !== undefined; block = blocks[count - 1]) {
    behind += block.size;
    if (behind > MERGE_BYTES) break;
    count--;
  }
  return blocks.slice(0, count);
}
