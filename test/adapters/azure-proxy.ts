/**
 * Stands between the SDK and a service and spoils what the test says: refuses, drops, stalls, changes answers.
 * Speaks HTTP over real sockets. Knows nothing of portside.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of a request; `undefined` is forwarded as it is. */
export type Fault =
  | undefined
  /** Answered like that, without asking the service. */
  | { readonly status: number; readonly code: string }
  /** The connection ends: at once, after the service has done its work, or after so many bytes of the answer. */
  | { readonly drop: "request" | "answer" | number }
  /** Nothing is answered, or nothing more after so many bytes. */
  | { readonly stall: true | number }
  /** The answer has other headers. */
  | { readonly headers: Readonly<Record<string, string>> }
  /** The first byte of the body arrives changed. */
  | { readonly corrupt: true };

/** One request, as the service sees it: method, query and headers. */
export type Decide = (request: IncomingMessage) => Fault;

/** A service that fails as it is told. */
export interface Proxy extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Asked for each request. */
  decide: Decide;
}

/** Begins to stand before the service at that URL. */
export async function openProxy(target: string): Promise<Proxy> {
  const server = createServer((request, response) => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    treat(new URL(target), request, response, proxy.decide(request));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide: () => undefined,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    },
  };
  return proxy;
}

function treat(target: URL, request: IncomingMessage, response: ServerResponse, fault: Fault): void {
  if (fault !== undefined && "status" in fault) {
    request.resume();
    response.writeHead(fault.status, { "x-ms-error-code": fault.code, "content-length": 0 }).end();
    return;
  }
  if (fault !== undefined && "drop" in fault && fault.drop === "request") return void request.socket.resetAndDestroy();
  if (fault !== undefined && "stall" in fault && fault.stall === true) return void request.resume();
  const { method, url: path, headers } = request;
  const forwarded = send({ host: target.hostname, port: target.port, method, path, headers, agent: false });
  forwarded.on("error", () => response.destroy());
  forwarded.on("response", (answer) => pass(answer, response, fault));
  let first = true;
  request.on("data", (chunk: Buffer) => {
    if (first && fault !== undefined && "corrupt" in fault) chunk[0] = ~(chunk[0] ?? 0);
    first = false;
    forwarded.write(chunk);
  });
  request.on("end", () => forwarded.end());
}

function pass(answer: IncomingMessage, response: ServerResponse, fault: Fault): void {
  answer.on("error", () => response.destroy());
  if (fault !== undefined && "drop" in fault && fault.drop === "answer") {
    answer.resume();
    response.socket?.resetAndDestroy();
    return;
  }
  const headers = { ...answer.headers, ...(fault !== undefined && "headers" in fault && fault.headers) };
  response.writeHead(answer.statusCode ?? 502, headers);
  const bound =
    fault === undefined ? undefined : "drop" in fault ? fault.drop : "stall" in fault ? fault.stall : undefined;
  let left = typeof bound === "number" ? bound : Number.POSITIVE_INFINITY;
  answer.on("data", (chunk: Buffer) => {
    response.write(chunk.subarray(0, Math.min(left, chunk.length)));
    left -= chunk.length;
    if (left > 0) return;
    answer.destroy();
    if (fault !== undefined && "drop" in fault) response.socket?.destroySoon();
  });
  answer.on("end", () => response.end());
}
