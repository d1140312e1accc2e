/**
 * One transfer over the data connection that was offered (RFC 959 §3.2, §5.4): 150, the connection, the bytes,
 * the final reply and the fact. Does not know what moves.
 */
import type { Socket } from "node:net";
import { DataChannel } from "../channel/data-channel.js";
import type { SecuredSocket } from "../channel/handshake.js";
import type { Opening } from "../channel/opening.js";
import { FtpError } from "../errors.js";
import { paced } from "../transfer/pace.js";
import type { Stage } from "../transfer/stage.js";
import { reasonOf, type Transfer } from "../transfer/transfer.js";
import { type Reply, reply } from "../wire/reply.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import type { Dialogue } from "./dialogue.js";
import type { TransferFact } from "./events.js";
import { isFault, isStop, refusalOf } from "./refusal.js";
import { tlsReason } from "./tls-reason.js";
import { traceTransfer } from "./tracing.js";

const DIRECTIONS = { retrieved: "download", stored: "upload", listed: "listing" } as const;

/** What moves, and what is said about it. */
export interface Movement {
  readonly path: VirtualPath;
  /** The text of the 150. Clients take a number in parentheses for the bytes that come (practice). */
  readonly announcement: string;
  /** The fact to tell when all has moved. */
  readonly fact: "retrieved" | "stored" | "listed";
  /** Whether what came before the data connection broke is of use: then the store may go on with it. Default `false`. */
  readonly keepsWhatCame?: boolean;
  /** Whether `move` has done with what it receives when it asks for more: then the memory of it is used again. Default `false`. */
  readonly borrows?: boolean;
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
  transfer.direction = DIRECTIONS[movement.fact];
  transfer.type = movement.fact === "listed" ? "A" : dialogue.state.type;
  try {
    await traceTransfer(dialogue.session, transfer, () => carry(dialogue, transfer, movement));
  } catch (reason) {
    transfer.error = reason;
    if (isFault(reason)) dialogue.report(reason);
    return refusalOf(reason, [], true, dialogue.texts);
  }
  tellOutcome(dialogue, transfer, movement.fact);
  return reply(226, dialogue.texts.complete);
}

/** The stage that keeps bytes to their rate; none where there is no bound. */
export function pacing(
  dialogue: Dialogue,
  rate: "downloadRate" | "uploadRate",
  { signal }: Transfer,
): readonly Stage[] {
  const { allowance } = dialogue;
  const bound = allowance.lowest(rate);
  if (bound === undefined) return [];
  const take = (bytes: number): number => {
    const wait = allowance.take(rate, bytes);
    if (wait > 0) dialogue.tellLimited(bound);
    return wait;
  };
  const giveBack = (bytes: number): void => allowance.giveBack(rate, bytes);
  return [paced({ rate: bound.amount, take, giveBack, signal })];
}

/**
 * Tells how a transfer has ended, once: a commit that nobody waited for any more may still come to its end, behind what
 * the host was told then.
 * @param complete the fact; none where it is not
 */
export function tellOutcome(dialogue: Dialogue, transfer: Transfer, complete?: Movement["fact"]): void {
  if (transfer.told) return;
  transfer.told = true;
  const { error } = transfer;
  const moved = movedBy(transfer);
  if (complete !== undefined) dialogue.tell(complete, moved);
  else dialogue.tell("aborted", { ...moved, error, outcome: isStop(error) ? "aborted" : "failed" });
}

/** What facts say of a transfer. */
function movedBy(transfer: Transfer): Omit<TransferFact, "session"> {
  const { verb, path, bytes, milliseconds, direction, type } = transfer;
  return { verb, path, bytes, milliseconds, direction, type };
}

/** Opens the data connection and moves the bytes. @throws the reason that the transfer failed for */
async function carry(dialogue: Dialogue, transfer: Transfer, movement: Movement): Promise<void> {
  try {
    const channel = await openChannel(dialogue, transfer, movement);
    try {
      await movement.move(channel);
    } catch (error) {
      if (movement.fact === "stored" && !transfer.signal.aborted) await turnAway(channel);
      else channel.abort(new FtpError("ABORTED", "the transfer failed", { cause: error }));
      throw error;
    }
  } catch (error) {
    throw reasonOf(error, transfer.signal);
  }
}

/**
 * Ends the connection of an upload that the store has refused in order, and discards for a while what the client still
 * sends. It is mostly in the midst of sending: a reset would reach it before the reply, and clients that take that for
 * trouble of the network send the same file again and again (practice).
 */
async function turnAway(channel: DataChannel): Promise<void> {
  // Where the client has gone already there is nobody to turn away.
  await channel.finish().catch(() => undefined);
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
  const channel = await connect(dialogue, transfer, offer, movement);
  transfer.use(channel, movement.keepsWhatCame ?? false);
  dialogue.tell("dataChannel", { channel });
  return channel;
}

/** Opens the data connection and puts it under TLS if it is to be. */
async function connect(
  dialogue: Dialogue,
  { signal }: Transfer,
  offer: Opening,
  movement: Movement,
): Promise<DataChannel> {
  const { stallTimeout } = dialogue.settings;
  const socket = await open(dialogue, offer, signal);
  const secured = dialogue.security.protectsData
    ? await protect(dialogue, socket, movement.fact === "stored", signal)
    : undefined;
  const onListenerError = (error: unknown): void => dialogue.report(error);
  return new DataChannel(socket, { kind: offer.kind, stallTimeout, lends: movement.borrows, secured, onListenerError });
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
    const secured = await dialogue.security.protectData(socket, receives, signal);
    if (secured !== undefined) dialogue.tell("secured", { channel: "data", secure: secured.secure });
    return secured;
  } catch (error) {
    if (error instanceof FtpError && !signal.aborted)
      dialogue.tell("tlsFailed", { channel: "data", error, reason: tlsReason(error) });
    throw error;
  }
}
