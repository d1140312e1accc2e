/**
 * What Node keeps to itself on a socket that it has accepted: that it can be read into memory of ours, as one that is
 * made by us can (`onread`). Where a version of Node does not let, the socket stays as it is.
 */
import { Socket } from "node:net";
import { ignoreError } from "./opening.js";

/** Where the bytes go. */
export interface Reading {
  /** Memory for the next bytes, asked for after each read. */
  readonly memory: () => Uint8Array;
  /** So many bytes are in it. */
  readonly arrived: (bytes: number) => void;
}

/** The parts of a socket that count. */
interface Inside {
  _handle?: { readonly useUserBuffer?: unknown } | null;
  readonly _readableState?: { readonly ended?: boolean };
}

/**
 * Gives the connection of a socket that is up to a new socket.
 * @param socket which nothing waits in, neither to be read nor to be written; unless `undefined` comes back it is over
 * @returns the new one, which flows; `undefined` where that cannot be, or its end of file has come
 */
export function takeOver(socket: Socket, { memory, arrived }: Reading): Socket | undefined {
  const inside = socket as unknown as Inside;
  const { _handle: connection, _readableState: state } = inside;
  if (typeof connection?.useUserBuffer !== "function" || state?.ended !== false || socket.destroyed) return undefined;
  const callback = (bytes: number): boolean => {
    arrived(bytes);
    return true;
  };
  const options = { handle: connection, allowHalfOpen: true, onread: { buffer: memory, callback } };
  const taken = new Socket(options);
  inside._handle = null;
  socket.removeAllListeners().on("error", ignoreError).destroy();
  return taken;
}
