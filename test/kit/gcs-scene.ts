/** A bucket on the fake of Google Cloud Storage, and a file system in it. */
import { Storage, type StorageOptions } from "@google-cloud/storage";
import { GcsFileSystem, type GcsFileSystemOptions } from "../../dist/adapters/gcs/gcs-file-system.js";
import { GcsFake } from "./gcs-fake.js";
import type { FakeBucket } from "./gcs-fake-objects.js";

/** The name of the bucket. */
export const BUCKET = "files";

/** What a test works with. */
export interface GcsScene extends AsyncDisposable {
  readonly fake: GcsFake;
  readonly store: GcsFileSystem;
  readonly bucket: FakeBucket;
}

const TOKEN = "token";

/** Starts a fake and opens its bucket, in the SDK's way for emulators or with credentials that the fake wants to see. */
export async function gcsScene(
  options: Partial<GcsFileSystemOptions> & { readonly storage?: StorageOptions } = {},
  signed = false,
): Promise<GcsScene> {
  const fake = await GcsFake.start(BUCKET);
  const { storage, ...rest } = options;
  const client = signed ? clientWith(TOKEN, fake) : { apiEndpoint: fake.endpoint, projectId: "test", ...storage };
  if (signed) fake.token = TOKEN;
  const store = new GcsFileSystem({ bucket: BUCKET, storage: client, ...rest });
  return { fake, store, bucket: fake.bucket(BUCKET), [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() };
}

/** A client of the SDK that has a token and never asks for another one. */
function clientWith(token: string, fake: GcsFake): Storage {
  const identity = { type: "authorized_user", client_id: "id", client_secret: "secret", refresh_token: "refresh" };
  const authClient = new Storage().authClient.fromJSON(identity);
  authClient.setCredentials({ access_token: token, expiry_date: Date.now() + 3_600_000 });
  return new Storage({ apiEndpoint: fake.endpoint, projectId: "test", useAuthWithCustomEndpoint: true, authClient });
}

/** What uploads have left: sessions that are open, and objects that no listing shows. */
export function leftovers({ fake, bucket }: GcsScene): readonly string[] {
  const open = [...fake.sessions.values()]
    .filter(({ done }) => done === undefined)
    .map(({ name }) => `session ${name}`);
  return [...open, ...[...bucket.objects.keys()].filter((name) => name.includes(".portside-"))];
}
