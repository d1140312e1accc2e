/** The options of the Azure adapter and its words for errors: what needs no service. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ContainerClient } from "@azure/storage-blob";
import { azureError } from "../../dist/adapters/azure/azure-errors.js";
import { AzureFileSystem, type AzureFileSystemOptions } from "../../dist/adapters/azure/azure-file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";

const container = "incoming";
const account = "someone";
const key = Buffer.from("secret").toString("base64");

suite("AzureFileSystem: options", () => {
  test("each wrong one is named", () => {
    const client = new ContainerClient("http://127.0.0.1/account/incoming");
    const table: readonly (readonly [RegExp, object])[] = [
      [/unknown option bucket/, { container, account, key, bucket: "x" }],
      [/^container must/, { account, key }],
      [/^container must/, { container: "", account, key }],
      [/^container must/, { container: "Upper", account, key }],
      [/^container must/, { container: "a/b", account, key }],
      [/^container must/, { container: "..", account, key }],
      [/^container must/, { container: {}, account, key }],
      [/account, key cannot be given too/, { container: client, account, key }],
      [/endpoint cannot be given too/, { container, connectionString: "x", endpoint: "http://127.0.0.1" }],
      [/endpoint must be an URL/, { container, account, key, endpoint: "x" }],
      [/connectionString, account and endpoint/, { container, key }],
      [/one of key, sas and credential/, { container, account }],
      [/one of key, sas and credential/, { container, account, key, sas: "?x" }],
      [/account must be given/, { container, endpoint: "http://127.0.0.1", key }],
      [/^accessTier must/, { container, account, key, accessTier: "Archive" }],
      [/^contentMd5 must/, { container, account, key, contentMd5: 1 }],
      [/^requestTimeout must/, { container, account, key, requestTimeout: -1 }],
      [/^partSize must/, { container, account, key, partSize: 1 }],
      [/^prefix must/, { container, account, key, prefix: "../other" }],
    ];
    for (const [message, options] of table)
      assert.throws(
        () => new AzureFileSystem(options as AzureFileSystemOptions),
        (error) => (error instanceof TypeError || error instanceof RangeError) && message.test(error.message),
        String(message),
      );
  });

  test("an account alone says where the service is", () => {
    assert.doesNotThrow(() => new AzureFileSystem({ container, account, key, prefix: "/in/" }));
    assert.doesNotThrow(() => new AzureFileSystem({ container: "$web", account, sas: "sv=x&sig=y" }));
  });

  test("what the service says, as errors of file systems", () => {
    const table = [
      ["BlobNotFound", 404, "ENOENT"],
      ["ContainerNotFound", 404, "EIO"],
      ["AuthenticationFailed", 403, "EACCES"],
      ["NoAuthenticationInformation", 401, "EACCES"],
      ["BlobAlreadyExists", 409, "EEXIST"],
      ["LeaseIdMissing", 412, "EBUSY"],
      ["ConditionNotMet", 412, "EBUSY"],
      ["InvalidBlockList", 400, "EBUSY"],
      ["InvalidBlobType", 409, "ENOSYS"],
      ["BlobArchived", 409, "EACCES"],
      ["BlobBeingRehydrated", 409, "EBUSY"],
      ["SnapshotsPresent", 409, "EBUSY"],
      ["InvalidRange", 416, "ERANGE"],
      ["InvalidUri", 400, "EINVAL"],
      ["ServerBusy", 503, "EBUSY"],
      ["OperationTimedOut", 500, "EBUSY"],
      ["InternalError", 500, "EIO"],
      ["REQUEST_SEND_ERROR", undefined, "EIO"],
      ["constructor", 400, "EIO"],
    ] as const;
    for (const [code, statusCode, expected] of table) {
      const cause = Object.assign(new Error("first line\nRequestId: 1"), { code, statusCode });
      const error = azureError(cause, "a/b");
      assert.deepEqual([error.code, error.path, error.cause], [expected, "a/b", cause], code);
      assert.equal(error.message, `${expected}: a/b: first line`);
    }
    const own = new FileSystemError("EINVAL", "x");
    assert.equal(azureError(own, "y"), own);
    for (const odd of [undefined, null, "text", 7]) assert.equal(azureError(odd, "a").code, "EIO");
  });
});
