/** What bytes pass on their way between a store and a data connection. No stage, no cost. */
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Takes the bytes as they come and gives the bytes that go on. */
export type Stage = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** The source behind all the stages, the first stage nearest to it. */
export function through(source: AsyncIterable<Uint8Array>, stages: readonly Stage[]): AsyncIterable<Uint8Array> {
  return stages.reduce((bytes, stage) => stage(bytes), source);
}

/** A Node stream as a stage: errors and back-pressure pass both ways, and it is destroyed when either side ends early. */
export function stageOf(stream: Duplex): Stage {
  return async function* (source) {
    const fed = pipeline(Readable.from(source, { objectMode: false }), stream);
    // Reported to the reader by the stream itself; this only keeps it from being unhandled.
    fed.catch(() => undefined);
    try {
      yield* stream as AsyncIterable<Uint8Array>;
      await fed;
    } finally {
      stream.destroy();
    }
  };
}
