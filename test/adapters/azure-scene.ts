/** What the tests of the Azure adapter work on: containers of an emulator, and files in them. */
import { after, suite, test } from "node:test";
import type { ContainerClient } from "@azure/storage-blob";
import { AzureContainer } from "../../dist/adapters/azure/azure-container.js";
import { AzureFileSystem, type AzureFileSystemOptions } from "../../dist/adapters/azure/azure-file-system.js";
import { AzureStore } from "../../dist/adapters/azure/azure-store.js";
import { type Azurite, NO_AZURITE, openAzurite } from "../kit/azurite.js";

/** Bytes of a mebibyte. */
export const MEBIBYTE = 1024 ** 2;
/** Bytes of a part: the smallest there are. */
export const PART = 5 * MEBIBYTE;

/** A container, its files, and the store below them. */
export interface Scene {
  readonly container: ContainerClient;
  readonly files: AzureFileSystem;
  readonly store: AzureStore;
}

/** Makes a scene in a container of its own. */
export type Make = (options?: Partial<AzureFileSystemOptions>) => Promise<Scene>;

/** Declares tests that run where there is an emulator, and are skipped where not. */
export async function onAzurite(name: string, declare: (make: Make, service: Azurite) => void): Promise<void> {
  const service = await openAzurite();
  if (service === undefined) return void test(name, { skip: NO_AZURITE });
  after(() => service[Symbol.asyncDispose]());
  const make: Make = async (options = {}) => sceneIn(await service.container(), options);
  suite(name, () => declare(make, service));
}

/** The files of a container. */
export function sceneIn(container: ContainerClient, options: Partial<AzureFileSystemOptions> = {}): Scene {
  const files = new AzureFileSystem({ container, partSize: PART, ...options });
  const settings = { client: container, requestTimeout: 10_000, accessTier: undefined, contentMd5: false };
  const store = new AzureStore(new AzureContainer(settings));
  return { container, files, store };
}

/** All names in a container, also those that no tree of files shows. */
export async function blobNames(container: ContainerClient): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of container.listBlobsFlat()) found.push(name);
  return found.sort();
}

/** The identifiers of what a blob consists of. */
export async function blockIds(container: ContainerClient, name: string): Promise<string[]> {
  const list = await container.getBlockBlobClient(name).getBlockList("committed");
  return (list.committedBlocks ?? []).map(({ name: id }) => id);
}
