/** A container of the Blob service and how requests are sent to it: what the parts of the adapter share. */
import type { BlockBlobClient, BlockBlobUploadOptions, ContainerClient, MatchConditions } from "@azure/storage-blob";
import type { PutRequest } from "../objects/object-store.js";
import { objectRequest, SENT_IN_TIME } from "../objects/request.js";
import { azureError } from "./azure-errors.js";
import { blobMetadata, blobName, isMarker } from "./azure-names.js";

/** Which container, and how it is used. */
export interface AzureContainerOptions {
  readonly client: ContainerClient;
  /** Milliseconds; 0 is no limit. */
  readonly requestTimeout: number;
  /** What new blobs are stored in. */
  readonly accessTier: string | undefined;
  /** Whether the service is given the MD5 of what it gets. */
  readonly contentMd5: boolean;
}

/** What every request of the SDK takes. */
export interface RequestOptions {
  readonly abortSignal: AbortSignal;
}

/** A container in use. */
export class AzureContainer {
  readonly options: AzureContainerOptions;

  constructor(options: AzureContainerOptions) {
    this.options = options;
  }

  /** The SDK's client of a blob. @throws FileSystemError `EINVAL` for names that it or the service would change */
  blob(key: string): BlockBlobClient {
    return this.options.client.getBlockBlobClient(blobName(key));
  }

  /**
   * Runs a request.
   * @param bytes that it sends: many get more time
   * @throws FileSystemError, or the signal's reason
   */
  run<Result>(
    key: string,
    signal: AbortSignal | undefined,
    send: (options: RequestOptions) => Promise<Result>,
    bytes = 0,
  ): Promise<Result> {
    const bounds = { timeout: this.options.requestTimeout, extra: bytes / SENT_IN_TIME, signal };
    return objectRequest({ key, ...bounds, errorOf: azureError }, (abortSignal) => send({ abortSignal }));
  }

  /** What a new blob is given besides its bytes. */
  attributes(key: string, { contentType, metadata }: PutRequest): NewBlob {
    const { accessTier } = this.options;
    return {
      ...(contentType !== undefined && { blobHTTPHeaders: { blobContentType: contentType } }),
      ...((metadata !== undefined || isMarker(key)) && { metadata: blobMetadata(key, metadata) }),
      ...(accessTier !== undefined && !isMarker(key) && { tier: accessTier }),
    };
  }
}

/** Under which conditions a request does something. */
export function conditionsOf({ exclusive = false, version }: Partial<PutRequest>): MatchConditions {
  return { ...(exclusive && { ifNoneMatch: "*" }), ...(version !== undefined && { ifMatch: version }) };
}

/** What the SDK is told of a new blob. */
export type NewBlob = Pick<BlockBlobUploadOptions, "blobHTTPHeaders" | "metadata" | "tier">;
