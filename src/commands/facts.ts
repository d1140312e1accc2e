/** One file's size, times and facts (RFC 3659 §3, §4, §7; draft-somers-ftp-mfxx MFMT, MFCT, MFF). */
import { factLine, factsFeature, parseFacts } from "../listing/facts.js";
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import type { Capability, FileTimes } from "../storage/file-system.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { GivenBytes } from "../storage/given-bytes.js";
import { countNetwork } from "../transfer/ascii.js";
import { upperCase } from "../wire/command-line.js";
import { type Reply, reply } from "../wire/reply.js";
import { formatTimestamp, parseTimestamp } from "../wire/timestamp.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import { optionalText, pathname } from "./grammar.js";
import { findTarget, rightsAt } from "./listing-target.js";
import { type Row, row } from "./row.js";

/** One fact to set, by its name in upper case. */
interface FactChange {
  readonly name: string;
  readonly value: string;
}

interface FactChanges {
  readonly changes: readonly FactChange[];
  readonly path: VirtualPath;
}

const timeAndPath: Grammar<{ readonly time: Date; readonly path: VirtualPath }, Dialogue> = {
  syntax: "<SP> YYYYMMDDHHMMSS[.sss] <SP> pathname",
  parse: (text, dialogue) => {
    const [head, rest] = splitFirst(text);
    const time = parseTimestamp(head);
    return time === undefined || rest === "" ? undefined : { value: { time, path: dialogue.resolve(rest) } };
  },
};

const factsAndPath: Grammar<FactChanges, Dialogue> = {
  syntax: "<SP> fact=value; … <SP> pathname",
  parse: (text, dialogue) => {
    const [head, rest] = splitFirst(text);
    const changes = parseChanges(head);
    return changes === undefined || rest === "" ? undefined : { value: { changes, path: dialogue.resolve(rest) } };
  },
};

/** SIZE, MDTM, MLST, MFMT, MFCT, MFF. */
export const factRows: readonly Row[] = [
  row({
    verb: "SIZE",
    source: "RFC 3659 §4",
    summary: "tell how many octets RETR would send",
    argument: pathname,
    replies: [213, 550],
    needs: ["login"],
    feature: "SIZE",
    keepsRestart: true,
    run: tellSize,
  }),
  row({
    verb: "MDTM",
    source: "RFC 3659 §3",
    summary: "tell when a file was changed",
    argument: pathname,
    replies: [213, 550],
    needs: ["login"],
    feature: "MDTM",
    keepsRestart: true,
    run: async ({ fileSystem, signal }, path) => {
      const info = await fileSystem.stat(path, { expect: "file", signal });
      if (info.type !== "file" || info.modified === undefined) throw new FileSystemError("EISDIR", path);
      return reply(213, formatTimestamp(info.modified));
    },
  }),
  row({
    verb: "MLST",
    source: "RFC 3659 §7",
    summary: "tell the facts of one entry",
    argument: optionalText("pathname"),
    replies: [250, 550, 501],
    needs: ["login"],
    feature: ({ state }) => factsFeature(state.facts),
    keepsRestart: true,
    run: tellFacts,
  }),
  row({
    verb: "MFMT",
    source: "draft-somers-ftp-mfxx §3",
    summary: "set the time of the last change",
    argument: timeAndPath,
    replies: [213, 550],
    needs: ["login"],
    feature: (dialogue) => (offers(dialogue, "setTimes") ? "MFMT" : undefined),
    run: (dialogue, { time, path }) => changeTime(dialogue, path, "modified", time),
  }),
  row({
    verb: "MFCT",
    source: "draft-somers-ftp-mfxx §4",
    summary: "set the time of creation",
    argument: timeAndPath,
    replies: [213, 550],
    needs: ["login"],
    feature: (dialogue) => (offers(dialogue, "setCreated") ? "MFCT" : undefined),
    run: (dialogue, { time, path }) => changeTime(dialogue, path, "created", time),
  }),
  row({
    verb: "MFF",
    source: "draft-somers-ftp-mfxx §5",
    summary: "set facts",
    argument: factsAndPath,
    replies: [213, 550],
    needs: ["login"],
    feature: (dialogue) => {
      const facts = SETTABLE.filter(({ capability }) => offers(dialogue, capability)).map(({ name }) => `${name};`);
      return facts.length === 0 ? undefined : `MFF ${facts.join("")}`;
    },
    run: changeFacts,
  }),
];

/** OPTS MLST (RFC 3659 §7.9). */
export function selectFacts({ state, texts }: Dialogue, list: string): Reply {
  const facts = parseFacts(list);
  if (facts === undefined) return reply(501, texts.syntaxError);
  state.facts = facts;
  return reply(200, texts.facts([...facts].map((fact) => `${fact};`).join("")));
}

async function tellSize(dialogue: Dialogue, path: VirtualPath): Promise<Reply> {
  const { fileSystem, state, settings, texts, signal } = dialogue;
  const info = await fileSystem.stat(path, { expect: "file", signal });
  if (info.type !== "file") return reply(550, texts.notPlainFile);
  if (state.type === "I") return reply(213, String(info.size));
  if (info.size > settings.asciiScanLimit) return reply(550, texts.tooLargeToCount);
  await using file = await fileSystem.openRead(path, { signal });
  const given = new GivenBytes(path, file);
  const octets = await countNetwork(given.body);
  given.assertAll();
  return reply(213, String(octets));
}

async function tellFacts(dialogue: Dialogue, name: string | undefined): Promise<Reply> {
  const found = await findTarget(dialogue, {
    verb: "MLST",
    name: name ?? "",
    patterns: false,
    signal: dialogue.signal,
  });
  if (found.refusal !== undefined) return found.refusal;
  const { path, info } = found.target;
  if (info === undefined) throw new FileSystemError("ENOENT", path);
  const line = factLine(info, dialogue.state.facts, rightsAt(dialogue, path), { name: path });
  // One space, then the entry as MLSD has it: one of an entry without facts begins with another (RFC 3659 §7.2).
  return reply(250, dialogue.texts.listingOf(path), ` ${line}`, dialogue.texts.listingEnd);
}

async function changeTime(
  { fileSystem }: Dialogue,
  path: VirtualPath,
  which: keyof FileTimes,
  time: Date,
): Promise<Reply> {
  await fileSystem.setTimes(path, { [which]: time });
  return reply(213, `${which === "modified" ? "Modify" : "Create"}=${formatTimestamp(time)}; ${path}`);
}

/** What MFF can set; the value understood, or `undefined` for 501. */
const SETTABLE = [
  { name: "Modify", capability: "setTimes", parse: parseTimestamp },
  { name: "Create", capability: "setCreated", parse: parseTimestamp },
  { name: "UNIX.mode", capability: "setMode", parse: parseMode },
] as const;

/** All values are understood before the first fact is set (draft-somers-ftp-mfxx §5.1: then one by one). */
async function changeFacts(dialogue: Dialogue, { changes, path }: FactChanges): Promise<Reply> {
  const { texts, fileSystem } = dialogue;
  const steps: { readonly shown: string; readonly value: Date | number; readonly name: string }[] = [];
  for (const { name, value } of changes) {
    const fact = SETTABLE.find((known) => known.name.toUpperCase() === name);
    if (fact === undefined || !fileSystem.supports(fact.capability, path))
      return reply(504, texts.unsupportedParameter);
    const parsed = fact.parse(value);
    if (parsed === undefined) return reply(501, texts.syntaxError);
    steps.push({ shown: `${fact.name}=${value};`, value: parsed, name: fact.name });
  }
  for (const { name, value } of steps) {
    if (typeof value === "number") await fileSystem.setMode(path, value);
    else await fileSystem.setTimes(path, name === "Modify" ? { modified: value } : { created: value });
  }
  return reply(213, `${steps.map(({ shown }) => shown).join("")} ${path}`);
}

/** Permission bits in octal, `0` to `0777`; set-uid, set-gid and sticky are nobody's to give. */
export function parseMode(text: string): number | undefined {
  return /^0?[0-7]{1,3}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function parseChanges(list: string): readonly FactChange[] | undefined {
  // Some clients leave the last one out.
  const parts = list
    .replace(/;$/, "")
    .split(";")
    .map((part) => part.split("=", 2));
  if (!parts.every(([name, value]) => name !== "" && value !== undefined)) return undefined;
  return parts.map(([name = "", value = ""]) => ({ name: upperCase(name), value }));
}

function splitFirst(text: string | undefined): readonly [string, string] {
  const given = text ?? "";
  const space = given.indexOf(" ");
  return space < 0 ? [given, ""] : [given.slice(0, space), given.slice(space + 1)];
}

/** FEAT is asked before login too: then what a store can do is not known, and not shown. */
function offers(dialogue: Dialogue, capability: Capability): boolean {
  return dialogue.state.who.stage === "admitted" && dialogue.fileSystem.supports(capability);
}
