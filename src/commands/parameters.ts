/** Transfer parameters (RFC 959 §4.1.2, §3.1): what is not done is refused with 504, never accepted and ignored. */
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import type { TransferType } from "../session/state.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { upperCase } from "../wire/command-line.js";
import { parseDecimal } from "../wire/number.js";
import { type Reply, reply } from "../wire/reply.js";
import { decimal, valueOf } from "./grammar.js";
import { type Row, row } from "./row.js";

/** TYPE as understood: one that is done, or one that is legal and not done. */
type TypeArgument = TransferType | "unsupported";

const typeCode: Grammar<TypeArgument, Dialogue> = {
  syntax: "<SP> A [<SP> N | T] | I | L <SP> 8",
  parse: (text) => valueOf(parseType(text ?? "")),
};

/** RFC 959 §5.3.2 type-code. A N and A T are the same here (RFC 1123 §4.1.2.2), and so are L 8 and I (§4.1.2.1). */
function parseType(text: string): TypeArgument | undefined {
  const code = upperCase(text);
  if (/^A( [NT])?$/.test(code)) return "A";
  if (code === "I" || code === "L 8") return "I";
  if (/^(A C|E( [NTC])?)$/.test(code)) return "unsupported";
  const bits = /^L ([0-9]{1,3})$/.exec(code)?.[1];
  return bits !== undefined && Number(bits) >= 1 && Number(bits) <= 255 ? "unsupported" : undefined;
}

function oneOf(...letters: readonly string[]): Grammar<string, Dialogue> {
  return {
    syntax: `<SP> ${letters.join(" | ")}`,
    parse: (text) => valueOf(letters.find((letter) => letter === upperCase(text ?? ""))),
  };
}

/** ALLO n [R m]; the record size means nothing where there are no records. */
const allocation: Grammar<number, Dialogue> = {
  syntax: "<SP> decimal [<SP> R <SP> decimal]",
  parse: (text) => {
    const [size, record, length, ...rest] = (text ?? "").split(" ");
    if (rest.length > 0 || (record !== undefined && upperCase(record) !== "R")) return undefined;
    if (record !== undefined && parseDecimal(length ?? "") === undefined) return undefined;
    return valueOf(parseDecimal(size ?? ""));
  },
};

/** TYPE, STRU, MODE, ALLO, REST. */
export const parameterRows: readonly Row[] = [
  row({
    verb: "TYPE",
    source: "RFC 959 §4.1.2, RFC 1123 §4.1.2.1",
    summary: "set the transfer type",
    argument: typeCode,
    replies: [200],
    needs: ["login"],
    keepsRestart: true,
    run: ({ state, texts }, type) => {
      if (type === "unsupported") return reply(504, texts.unsupportedParameter);
      state.type = type;
      return reply(200, texts.typeSet(type));
    },
  }),
  row({
    verb: "STRU",
    source: "RFC 959 §4.1.2",
    summary: "set the file structure",
    argument: oneOf("F", "R", "P"),
    replies: [200],
    needs: ["login"],
    run: ({ texts }, letter) =>
      letter === "F" ? reply(200, texts.structureSet) : reply(504, texts.unsupportedParameter),
  }),
  row({
    verb: "MODE",
    source: "RFC 959 §4.1.2",
    summary: "set the transfer mode",
    argument: oneOf("S", "B", "C", "Z"),
    replies: [200],
    needs: ["login"],
    run: ({ texts }, letter) => (letter === "S" ? reply(200, texts.modeSet) : reply(504, texts.unsupportedParameter)),
  }),
  row({
    verb: "ALLO",
    source: "RFC 959 §4.1.3",
    summary: "say how large the next upload is",
    argument: allocation,
    replies: [200, 552],
    needs: ["login"],
    keepsRestart: true,
    run: allocate,
  }),
  row({
    verb: "REST",
    source: "RFC 3659 §5",
    summary: "begin the next transfer at an offset",
    argument: decimal,
    replies: [350],
    needs: ["login"],
    feature: "REST STREAM",
    keepsRestart: true,
    run: ({ state, texts }, marker) => {
      state.restart = marker;
      return reply(350, texts.restartAt(marker));
    },
  }),
];

/** Reserves nothing; says so early where the space is short. */
async function allocate(dialogue: Dialogue, bytes: number): Promise<Reply> {
  const { state, texts, fileSystem } = dialogue;
  if (fileSystem.supports("availableSpace", state.directory) && (await spaceAt(dialogue)) < bytes)
    return reply(552, texts.noSpace);
  state.allocated = bytes;
  return reply(200, texts.allocated);
}

async function spaceAt({ fileSystem, state, signal }: Dialogue): Promise<number> {
  try {
    return await fileSystem.availableSpace(state.directory, { signal });
  } catch (error) {
    // A store that cannot tell has not said that it is full.
    if (error instanceof FileSystemError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
