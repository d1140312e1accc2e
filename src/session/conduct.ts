/**
 * One transfer over the data connection that was offered (RFC 959 §3.2, §5.4): 150, the connection, the bytes,
 * the final reply and the fact. Does not know what moves.
 */
import type { Socket } from "node:net";
import { DataChannel } from "../channel/data-channel.js";
import type { SecuredSocket } from "../channel/handshake.js";
import type { Opening } from "../channel/opening.js";
import { FtpError } from "../errors.js";
import { reasonOf, type Transfer } from "../transfer/transfer.js";
import { type Reply, reply } from "../wire/reply.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import type { Dialogue } from "./dialogue.js";
import { isFault, refusalOf } from "./refusal.js";
import { tlsReason } from "./tls-reason.js";

/** What moves, and what is said about it. */
export interface Movement {
  readonly path: VirtualPath;
  /** The text of the 150. Clients take a number in parentheses for the bytes that come (practice). */
  readonly announcement: string;
  /** The fact to tell when all has moved. */
  readonly fact: "retrieved" | "stored" | "listed";
  /** Whether what came before the data connection broke is of use: then the store may go on with it. Default `false`. */
  readonly keepsWhatCame?: boolean;
  /** Moves the bytes, and closes the channel. Whatever it throws fails the transfer. */
  move(channel: DataChannel): Promise<void>;
}

/** The transfer that the interpreter holds for the command that runs; to be taken before the first `await`. */
export function heldTransfer({ transfer }: Dialogue): Transfer {
  if (transfer === undefined) throw new TypeError("a command that moves data needs transfers: true in its row");
  return transfer;
}

/** Runs the transfer that the interpreter holds. Source or sink must be open: from here on only 4yz and 5yz of the data connection are left. */
export async function conduct(dialogue: Dialogue, transfer: Transfer, movement: Movement): Promise<Reply> {
  transfer.path = movement.path;
  try {
    const channel = await openChannel(dialogue, transfer, movement);
    try {
      await movement.move(channel);
    } catch (error) {
      channel.abort(new FtpError("ABORTED", "the transfer failed", { cause: error }));
      throw error;
    }
  } catch (error) {
    const reason = reasonOf(error, transfer.signal);
    transfer.error = reason;
    if (isFault(reason)) dialogue.report(reason);
    return refusalOf(reason, [], true, dialogue.texts);
  }
  const { verb, path, bytes, milliseconds } = transfer;
  dialogue.tell(movement.fact, { verb, path, bytes, milliseconds });
  return reply(226, dialogue.texts.complete);
}

async function openChannel(dialogue: Dialogue, transfer: Transfer, movement: Movement): Promise<DataChannel> {
  const { state } = dialogue;
  const { offer } = state;
  if (offer === undefined) throw new FtpError("DATA_LOST", "the offer was withdrawn");
  transfer.signal.throwIfAborted();
  state.offer = undefined;
  // Always 150, also where the client has connected already: clients look for the size in a 150 and in no 125.
  transfer.begun = true;
  dialogue.send(reply(150, movement.announcement), { verb: transfer.verb, argument: transfer.path });
  const channel = await connect(dialogue, transfer, offer, movement.fact === "stored");
  transfer.use(channel, movement.keepsWhatCame ?? false);
  dialogue.tell("dataChannel", { channel });
  return channel;
}

/** Opens the data connection and puts it under TLS if it is to be. */
async function connect(
  dialogue: Dialogue,
  { signal }: Transfer,
  offer: Opening,
  receives: boolean,
): Promise<DataChannel> {
  const { stallTimeout } = dialogue.settings;
  const socket = await open(dialogue, offer, signal);
  const secured = await protect(dialogue, socket, receives, signal);
  const onListenerError = (error: unknown): void => dialogue.report(error);
  return new DataChannel(socket, { kind: offer.kind, stallTimeout, secured, onListenerError });
}

async function open({ settings, texts }: Dialogue, offer: Opening, signal: AbortSignal): Promise<Socket> {
  try {
    return await offer.open({ timeout: settings.dataTimeout, signal });
  } catch (cause) {
    // Nothing has moved: RFC 959 §4.2.2 has 425 for that, and 426 for a connection that broke.
    throw new FtpError("DATA_LOST", "no data connection", { cause, reply: reply(425, texts.dataLost) });
  }
}

async function protect(
  dialogue: Dialogue,
  socket: Socket,
  receives: boolean,
  signal: AbortSignal,
): Promise<SecuredSocket | undefined> {
  try {
    return await dialogue.security.protectData(socket, receives, signal);
  } catch (error) {
    if (error instanceof FtpError && !signal.aborted)
      dialogue.tell("tlsFailed", { channel: "data", error, reason: tlsReason(error) });
    throw error;
  }
}
