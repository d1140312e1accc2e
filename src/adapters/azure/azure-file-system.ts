/** A container of Azure Blob Storage as a file system. Needs the peer `@azure/storage-blob`. */
import { AnonymousCredential, ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { ObjectFileSystem } from "../objects/object-file-system.js";
import { checkNames, OBJECT_OPTIONS, type ObjectFileSystemOptions, objectSettings } from "../objects/object-options.js";
import { AzureContainer } from "./azure-container.js";
import { AzureStore } from "./azure-store.js";

/** Which container, how to reach it, and how it is used. */
export interface AzureFileSystemOptions extends ObjectFileSystemOptions {
  /** A client of the SDK, which then says all about reaching it; or the name of the container, which must be there. */
  readonly container: ContainerClient | string;
  /** Account, key or signature, and endpoint in one string, as the portal shows it; instead of the options below. */
  readonly connectionString?: string | undefined;
  /** The name of the account. */
  readonly account?: string | undefined;
  /** The key of the account, in Base64. */
  readonly key?: string | undefined;
  /** A shared access signature, the query of an URL; instead of a key. Needs the rights to read, write, delete and list. */
  readonly sas?: string | undefined;
  /** A credential of the SDK or of `@azure/identity`; instead of a key. */
  readonly credential?: ContainerClient["credential"] | undefined;
  /** Where the service is, an URL without the container. Default: `https://ACCOUNT.blob.core.windows.net`. */
  readonly endpoint?: string | undefined;
  /** What new blobs are stored in. Default: the account's. */
  readonly accessTier?: "Hot" | "Cool" | "Cold" | undefined;
  /** Whether the service is told the MD5 of all that it is sent, and refuses what arrives otherwise. Default `false`: TLS does as much. */
  readonly contentMd5?: boolean | undefined;
}

/** How the container is reached, unless a client says so. */
const REACHING = ["connectionString", "account", "key", "sas", "credential", "endpoint"] as const;
/** Every option, so that a misspelt one is not silently off. */
const OPTIONS: readonly string[] = [...OBJECT_OPTIONS, ...REACHING, ..."container accessTier contentMd5".split(" ")];
const TIERS: readonly unknown[] = [undefined, "Hot", "Cool", "Cold"];

/**
 * Files in a container, as block blobs.
 *
 * Names with `\`, with control characters, U+FFFE or U+FFFF, or with a component that ends with `.` are refused with
 * `EINVAL`: the service would store them under another name or not at all. An empty directory is a blob without bytes
 * with the metadata `hdi_isfolder=true`. An upload that ends without commit leaves blocks that nobody sees and that the
 * service drops after a week; there is no request to do so earlier, and `sweep` has nothing to do. Of two uploads to one
 * name at the same time the one that commits first takes the other's blocks away, which is then refused with `EBUSY`.
 * With `keepTimes`, listings show the times that were set.
 * @example
 * new AzureFileSystem({ container: "incoming", account: "devices", key, prefix: "devices/42" })
 */
export class AzureFileSystem extends ObjectFileSystem {
  /** @throws TypeError, RangeError naming the option */
  constructor(options: AzureFileSystemOptions) {
    checkNames(options, OPTIONS);
    const { accessTier, contentMd5 = false } = options;
    if (!TIERS.includes(accessTier)) throw new TypeError(`accessTier must be Hot, Cool or Cold, not ${accessTier}`);
    if (typeof contentMd5 !== "boolean") throw new TypeError("contentMd5 must be a boolean");
    const { requestTimeout } = objectSettings(options);
    const container = new AzureContainer({ client: clientOf(options), requestTimeout, accessTier, contentMd5 });
    super(new AzureStore(container), options);
  }
}

function clientOf(options: AzureFileSystemOptions): ContainerClient {
  const { container, connectionString, account, endpoint } = options;
  const given = REACHING.filter((name) => options[name] !== undefined);
  if (typeof container !== "string") {
    // Not by its class: the client may come from another copy of the SDK.
    if (typeof container?.getBlockBlobClient !== "function")
      throw new TypeError("container must be the name of a container or a ContainerClient");
    if (given.length > 0) throw new TypeError(`container is a client already: ${given.join(", ")} cannot be given too`);
    return container;
  }
  if (!/^(?:[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web)$/.test(container))
    throw new TypeError(`container must be the name of a container, not ${JSON.stringify(container)}`);
  if (connectionString !== undefined) {
    if (given.length > 1)
      throw new TypeError(`connectionString says all: ${given.slice(1).join(", ")} cannot be given too`);
    return new ContainerClient(connectionString, container);
  }
  if (account === undefined && endpoint === undefined)
    throw new TypeError("one of connectionString, account and endpoint must be given");
  const url = (endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/+$/, "");
  if (!URL.canParse(url)) throw new TypeError(`endpoint must be an URL, not ${JSON.stringify(endpoint)}`);
  const { query, credential } = credentialOf(options);
  return new ContainerClient(`${url}/${container}${query}`, credential);
}

function credentialOf({ account, key, sas, credential }: AzureFileSystemOptions): {
  readonly query: string;
  readonly credential: ContainerClient["credential"];
} {
  if ([key, sas, credential].filter((way) => way !== undefined).length !== 1)
    throw new TypeError("one of key, sas and credential must be given");
  if (credential !== undefined) return { query: "", credential };
  if (sas !== undefined) return { query: `?${sas.replace(/^\?/, "")}`, credential: new AnonymousCredential() };
  if (account === undefined) throw new TypeError("account must be given with key");
  return { query: "", credential: new StorageSharedKeyCredential(account, key ?? "") };
}
