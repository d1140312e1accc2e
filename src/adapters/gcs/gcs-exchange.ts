/**
 * The bytes of objects on their way: with the SDK's endpoint and credentials, but not through its streams. Those cannot
 * be ended by a signal, the end of one closes the connections of all others in the process, and one whose connection
 * is cut may never end. Connections are those of Node's global agents.
 */
import { request as requestClear } from "node:http";
import { request as requestSecure } from "node:https";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { Storage } from "@google-cloud/storage";
import { isPassing, refusalOf } from "./gcs-errors.js";

/** One request. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

/** An answer, whatever its status. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** To be read or destroyed. */
  readonly body: Readable;
}

/** Before the first request is repeated, in milliseconds; each further one waits twice as long. */
const FIRST_PAUSE = 250;

/** Sends a request, signed where the SDK would sign it. */
export async function exchange(
  storage: Storage,
  { method, url, headers, body, signal }: Exchange,
): Promise<ExchangeAnswer> {
  const signature = await signatureOf(storage, url);
  const length = String(body?.length ?? 0);
  const all = { ...headers, ...signature, ...(method !== "GET" && { "content-length": length }) };
  const request = url.startsWith("https:") ? requestSecure : requestClear;
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: all, signal });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const shown = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as [string, string]);
      resolve({ status: incoming.statusCode ?? 0, headers: new Headers(shown), body: incoming });
    });
    outgoing.end(body);
  });
}

async function signatureOf(storage: Storage, url: string): Promise<Readonly<Record<string, string>>> {
  // As the SDK does: another endpoint is an emulator's, unless it is said to want credentials.
  if (storage.customEndpoint && storage.useAuthWithCustomEndpoint !== true) return {};
  // An object in version 7, `Headers` in version 8.
  return Object.fromEntries(new Headers(await storage.authClient.getRequestHeaders(url)));
}

/** The body of a short answer. */
export async function textOf({ body }: ExchangeAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

/** The answer, if it grants what was asked for. @throws ApiError */
export async function granted(answer: ExchangeAnswer): Promise<ExchangeAnswer> {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refusalOf(answer.status, await textOf(answer));
}

/** Tries again after errors that pass, as often as the SDK is told to. */
export async function persistently<Result>(
  { retryOptions: { autoRetry = true, maxRetries = 3 } }: Storage,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures++)
    try {
      return await run();
    } catch (error) {
      if (!autoRetry || failures >= maxRetries || !isPassing(error) || signal.aborted) throw error;
      await pause(FIRST_PAUSE * 2 ** failures, undefined, { signal });
    }
}
