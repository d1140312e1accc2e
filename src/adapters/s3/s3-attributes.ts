/** What objects of S3 have besides bytes, and how it is kept where a copy would lose it. */
import type {
  CopyObjectCommandInput,
  HeadObjectCommandOutput,
  ServerSideEncryption,
  StorageClass,
} from "@aws-sdk/client-s3";
import type { ObjectAttributes } from "../objects/object-store.js";

/** What every new object is given. */
export interface S3StorageOptions {
  readonly StorageClass?: StorageClass;
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
}

/** What an object has besides bytes, in the SDK's words. */
export type S3Attributes = Pick<
  CopyObjectCommandInput,
  | "CacheControl"
  | "ContentDisposition"
  | "ContentEncoding"
  | "ContentLanguage"
  | "ContentType"
  | "Expires"
  | "Metadata"
  | "StorageClass"
  | "WebsiteRedirectLocation"
>;

/** The attributes of a new object, in the SDK's words. */
export function attributesOf({ contentType, metadata }: ObjectAttributes): S3Attributes {
  return {
    ...(contentType !== undefined && { ContentType: contentType }),
    ...(metadata !== undefined && { Metadata: { ...metadata } }),
  };
}

/** The attributes of an object, for one that shall have the same. */
export function attributesFrom(head: HeadObjectCommandOutput): S3Attributes {
  const expires = new Date(head.ExpiresString ?? Number.NaN);
  return {
    CacheControl: head.CacheControl,
    ContentDisposition: head.ContentDisposition,
    ContentEncoding: head.ContentEncoding,
    ContentLanguage: head.ContentLanguage,
    ContentType: head.ContentType,
    Metadata: head.Metadata,
    WebsiteRedirectLocation: head.WebsiteRedirectLocation,
    ...(!Number.isNaN(expires.getTime()) && { Expires: expires }),
  };
}
