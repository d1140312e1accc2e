/**
 * A bucket or a container as what is served: opened with the credentials that the environment holds, and looked at
 * before anybody connects. Its SDK is an optional peer, and loaded only here.
 */
import { type FileSystem, ROOT } from "../index.js";
import { explainCloud } from "./cloud-error.js";
import type { CloudTarget } from "./cloud-target.js";
import type { Store } from "./store.js";

/** The variables of the environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/** How a store is opened. */
interface Cloud {
  /** For people. */
  readonly title: string;
  /** The package of its SDK. */
  readonly peer: string;
  readonly open: (target: CloudTarget, environment: Environment) => Promise<FileSystem>;
}

const OPENED: Readonly<Record<CloudTarget["cloud"], Cloud>> = {
  s3: { title: "the S3 bucket", peer: "@aws-sdk/client-s3", open: openS3 },
  azure: { title: "the Azure container", peer: "@azure/storage-blob", open: openAzure },
  gcs: { title: "the Google Cloud Storage bucket", peer: "@google-cloud/storage", open: openGcs },
};

/** Milliseconds that a store may take to show its first entry. */
const PATIENCE = 20_000;

/**
 * Opens a store in a cloud.
 * @param environment where its credentials are
 * @param patience milliseconds that it may take to show its first entry
 * @throws Error naming the flag, and saying what to install, to set or what the store says
 */
export async function openCloudStore(
  target: CloudTarget,
  environment: Environment = process.env,
  patience: number = PATIENCE,
): Promise<Store> {
  const { cloud, name, prefix } = target;
  const { title, peer, open } = OPENED[cloud];
  try {
    const fileSystem = await open(target, environment);
    await look(fileSystem, patience);
    const below = prefix.replace(/\/$/, "");
    return { fileSystem, title: `${title} ${name}${below && `, below ${below}`}`, folder: undefined };
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    const message = missing
      ? `needs the package ${peer}; install it beside portside: npm install ${peer}`
      : explainCloud(cause, cloud);
    throw new Error(`--${cloud} ${missing ? "" : `${name}: `}${message}`, { cause });
  }
}

async function openS3({ name: bucket, prefix, endpoint }: CloudTarget): Promise<FileSystem> {
  const { S3FileSystem } = await import("../adapters/s3/s3-file-system.js");
  return new S3FileSystem({ bucket, prefix, client: endpoint === undefined ? undefined : { endpoint } });
}

async function openGcs({ name: bucket, prefix, endpoint }: CloudTarget): Promise<FileSystem> {
  const { GcsFileSystem } = await import("../adapters/gcs/gcs-file-system.js");
  return new GcsFileSystem({ bucket, prefix, ...(endpoint !== undefined && { storage: { apiEndpoint: endpoint } }) });
}

async function openAzure({ name: container, prefix, endpoint }: CloudTarget, environment: Environment) {
  const { AzureFileSystem } = await import("../adapters/azure/azure-file-system.js");
  return new AzureFileSystem({ container, prefix, ...azureAccess(environment, endpoint) });
}

/** What the environment says of an account of Azure. */
function azureAccess(environment: Environment, endpoint: string | undefined) {
  const of = (name: string): string | undefined => {
    const value = environment[`AZURE_STORAGE_${name}`];
    return value === "" ? undefined : value;
  };
  const [connectionString, account, key, sas] = [of("CONNECTION_STRING"), of("ACCOUNT"), of("KEY"), of("SAS_TOKEN")];
  if (connectionString !== undefined) {
    if (endpoint === undefined) return { connectionString };
    throw new Error("--endpoint and AZURE_STORAGE_CONNECTION_STRING both say where the account is; give one of them");
  }
  if (account !== undefined && key !== undefined) return { account, key, endpoint };
  if (account !== undefined && sas !== undefined) return { account, sas, endpoint };
  throw new Error(
    "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN",
  );
}

/** Asks for the first entry: a wrong name, key or address is told now, and not to the first client. */
async function look(fileSystem: FileSystem, patience: number): Promise<void> {
  const signal = AbortSignal.timeout(patience);
  try {
    for await (const _ of fileSystem.list(ROOT, { signal })) break;
  } catch (cause) {
    throw signal.aborted ? new Error(`the store has not answered within ${patience / 1000} seconds`) : cause;
  }
}
