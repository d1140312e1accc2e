/** The storage contract on Azure's emulator, through a proxy that can hold everything back. */
import { after, test } from "node:test";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { AzureFileSystem, type AzureFileSystemOptions } from "../../dist/adapters/azure/azure-file-system.js";
import { type ContractSubject, fileSystemContract, type StoreCapabilities } from "../../dist/testing/index.js";
import { ACCOUNT, KEY, NO_AZURITE, openAzurite } from "../kit/azurite.js";
import { openProxy } from "./azure-proxy.js";

/** Bytes of a mebibyte. */
export const MEBIBYTE = 1024 ** 2;

/** What it can do without options. */
export const CAPABILITIES: StoreCapabilities = {
  without: ["setTimes", "setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
  implicitDirectories: true,
  directoryRename: "empty",
  // What the service would store under another name.
  keepsName: (name) => name.isWellFormed() && !/[\\\u0000-\u001f\u007f-\u009f\ufffe\uffff]|\.$/.test(name),
  pathBytes: 1024,
  pieceBytes: 1,
  borders: [5 * MEBIBYTE, 8 * MEBIBYTE],
  // The emulator looks at all blobs for each page.
  entries: 2500,
};

/** A store in a container of its own. */
interface Subject extends ContractSubject {
  /** Requests that the store has made. */
  requests: number;
}

/** Declares the contract for a store with these options; skipped where there is no emulator. */
export async function azureContract(
  name: string,
  options: Partial<AzureFileSystemOptions>,
  capabilities: StoreCapabilities,
): Promise<void> {
  const azurite = await openAzurite();
  if (azurite === undefined) return void test(`FileSystem contract: ${name}`, { skip: NO_AZURITE });
  const proxy = await openProxy(new URL(azurite.endpoint).origin);
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await azurite[Symbol.asyncDispose]();
  });
  const make = async (): Promise<Subject> => {
    const container = await azurite.container();
    const url = `${proxy.url}/${ACCOUNT}/${container.containerName}`;
    const client = new ContainerClient(url, new StorageSharedKeyCredential(ACCOUNT, KEY));
    const subject = {
      store: new AzureFileSystem({ container: client, ...options }),
      requests: 0,
      async [Symbol.asyncDispose]() {
        await container.delete();
      },
    };
    proxy.decide = () => void subject.requests++;
    return subject;
  };
  const stall = async (): Promise<AsyncDisposable> => {
    const { decide } = proxy;
    proxy.decide = () => ({ stall: true });
    return {
      async [Symbol.asyncDispose]() {
        proxy.decide = decide;
      },
    };
  };
  const probes = { requests: ({ requests }: Subject) => requests, stall };
  fileSystemContract<Subject>({ name, make, capabilities, probes });
}
