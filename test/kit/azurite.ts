/**
 * The emulator of Azure's Blob service, for the time of a test run. `PORTSIDE_TEST_AZURITE` is the path of its program
 * `azurite-blob`, or the URL of one that runs already; without it there is none, and tests are skipped.
 * Knows nothing of portside.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { within } from "./temporary.js";

/** The account that every emulator has. */
export const ACCOUNT = "devstoreaccount1";
/** Its key, known to all. */
export const KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Why tests that need it are skipped. */
export const NO_AZURITE = "PORTSIDE_TEST_AZURITE is not set: npm install azurite, and the path of azurite-blob";

/** A Blob service. */
export interface Azurite extends AsyncDisposable {
  /** Where the account is, without a slash at the end. */
  readonly endpoint: string;
  /** Makes an empty container with a name of its own. @param options for the SDK's pipeline */
  container(options?: ConstructorParameters<typeof ContainerClient>[2]): Promise<ContainerClient>;
}

/** Milliseconds that it may take to start, on a busy machine. */
const STARTING = 60_000;

/** Starts the emulator; `undefined` where the environment names none. @throws Error where it does not start */
export async function openAzurite(): Promise<Azurite | undefined> {
  const where = process.env.PORTSIDE_TEST_AZURITE ?? "";
  if (where === "") return undefined;
  if (/^https?:/.test(where)) return serviceAt(where.replace(/\/+$/, ""), async () => undefined);
  const flags =
    "--inMemoryPersistence --disableTelemetry --skipApiVersionCheck --silent --blobHost 127.0.0.1 --blobPort 0";
  const child = spawn(where, flags.split(" "), { stdio: ["ignore", "pipe", "pipe"] });
  try {
    const url = await within(listening(child), `${where} to listen`, STARTING);
    return serviceAt(url, () => stop(child));
  } catch (error) {
    await stop(child);
    throw error;
  }
}

let made = 0;

function serviceAt(url: string, close: () => Promise<void>): Azurite {
  const endpoint = url.endsWith(ACCOUNT) ? url : `${url}/${ACCOUNT}`;
  return {
    endpoint,
    container: async (options) => {
      const credential = new StorageSharedKeyCredential(ACCOUNT, KEY);
      const client = new ContainerClient(`${endpoint}/t${process.pid}-${Date.now()}-${made++}`, credential, options);
      await client.create();
      return client;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Where it listens: it says so when it does. */
function listening(child: ChildProcess): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`azurite ended with ${code}: ${output}`)));
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        const url = /listens on (http:\S+)/.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
