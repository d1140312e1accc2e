/** The storage contract on Azure's emulator, through a proxy that can hold everything back. */
import { after, test } from "node:test";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { AzureFileSystem } from "../../dist/adapters/azure/azure-file-system.js";
import { type ContractSubject, fileSystemContract, type StoreCapabilities } from "../../dist/testing/index.js";
import { ACCOUNT, KEY, NO_AZURITE, openAzurite } from "../kit/azurite.js";
import { openProxy } from "./azure-proxy.js";

const MEBIBYTE = 1024 ** 2;

const CAPABILITIES: StoreCapabilities = {
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

const azurite = await openAzurite();
if (azurite === undefined) test("FileSystem contract: Azure", { skip: NO_AZURITE });
else {
  const proxy = await openProxy(new URL(azurite.endpoint).origin);
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await azurite[Symbol.asyncDispose]();
  });
  const make = (options: object) => async (): Promise<Subject> => {
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

  fileSystemContract<Subject>({
    name: "Azure",
    make: make({}),
    capabilities: CAPABILITIES,
    probes: { requests: ({ requests }) => requests, stall },
  });
  fileSystemContract<Subject>({
    name: "Azure, with a prefix, times and renames of directories",
    make: make({ prefix: "p/q", keepTimes: true, maxRename: 1000, partSize: 5 * MEBIBYTE, concurrency: 4 }),
    capabilities: {
      ...CAPABILITIES,
      without: ["setCreated", "setMode", "availableSpace", "directoryTimes", "unique"],
      directoryRename: "all",
      pathBytes: 1024 - "p/q/".length,
      borders: [5 * MEBIBYTE],
      entries: 200,
    },
  });
}
