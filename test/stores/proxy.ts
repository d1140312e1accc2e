/**
 * Stands before a real store and spoils what a test says, in the words of trouble.ts. What its client gives up it gives up
 * at the store too, as if nobody stood between. Speaks HTTP; knows no adapter.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import type { Spoiled, TroubleMaker } from "./trouble.js";

/** A store with a bad day now and then. */
export interface Proxy extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
}

/** As S3 says it; Azure says it in a header. */
const SLOW_DOWN = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code></Error>';

/** Begins to stand before the store at that URL. */
export async function openProxy(target: string, maker: TroubleMaker): Promise<Proxy> {
  const { hostname: host, port } = new URL(target);
  const server = createServer((request, response) => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const spoiled = maker.next();
    if (!refused(request, response, spoiled)) forward({ host, port }, request, response, spoiled);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What the store never hears of. */
function refused(request: IncomingMessage, response: ServerResponse, spoiled: Spoiled | undefined): boolean {
  switch (spoiled?.trouble) {
    case "dies":
      request.socket.resetAndDestroy();
      return true;
    case "stalls":
      request.resume();
      return true;
    case "throttles":
      request.resume();
      response
        .writeHead(503, { "x-ms-error-code": "ServerBusy", "content-length": SLOW_DOWN.length })
        .end(request.method === "HEAD" ? undefined : SLOW_DOWN);
      return true;
    default:
      return false;
  }
}

function forward(
  store: { readonly host: string; readonly port: string },
  request: IncomingMessage,
  response: ServerResponse,
  spoiled: Spoiled | undefined,
): void {
  const { method, url: path, headers } = request;
  const forwarded = send({ ...store, method, path, headers, agent: false });
  forwarded.on("error", () => response.destroy());
  forwarded.on("response", (answer) => pass(request, answer, response, spoiled));
  response.once("close", () => forwarded.destroy());
  request.pipe(forwarded);
}

function pass(
  request: IncomingMessage,
  answer: IncomingMessage,
  response: ServerResponse,
  spoiled: Spoiled | undefined,
): void {
  answer.on("error", () => response.destroy());
  // A HEAD has no bytes that could be too few.
  const trouble = spoiled && request.method === "HEAD" ? "loses" : spoiled?.trouble;
  if (trouble === "loses") return void response.socket?.resetAndDestroy();
  const length = Number(answer.headers["content-length"] ?? Number.POSITIVE_INFINITY);
  let left = spoiled === undefined ? Number.POSITIVE_INFINITY : spoiled.at;
  const shortened = trouble === "shortens" && left < length && { "content-length": String(left) };
  response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...shortened });
  response.flushHeaders();
  const end = (): void => {
    if (trouble === "breaks") response.socket?.destroySoon();
    else if (trouble !== "hangs") response.end();
  };
  answer.on("data", (chunk: Buffer) => {
    if (left <= 0) return;
    if (!response.write(chunk.subarray(0, Math.min(left, chunk.length)))) {
      answer.pause();
      response.once("drain", () => answer.resume());
    }
    left -= chunk.length;
    if (left <= 0) end();
  });
  answer.on("end", () => left > 0 && response.end());
}
