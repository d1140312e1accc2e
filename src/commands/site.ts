/** SITE (RFC 959 §4.1.3): commands of this site, rows like all others, behind the same gate. */
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { checkCommand, tellable } from "../session/gate.js";
import { SiteQuestion } from "../session/questions.js";
import { isFault, refusalOf } from "../session/refusal.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { parseCommandLine } from "../wire/command-line.js";
import { parseDecimal } from "../wire/number.js";
import { type Reply, reply } from "../wire/reply.js";
import { parseTimestamp } from "../wire/timestamp.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import { parseMode } from "./facts.js";
import { none, text, valueOf } from "./grammar.js";
import { inColumns } from "./information.js";
import { type Row, row } from "./row.js";

/** A million years' worth of digits is no idle limit. */
const MAX_IDLE_SECONDS = 86_400;

const modeAndPath: Grammar<{ readonly mode: number; readonly path: VirtualPath }, Dialogue> = {
  syntax: "<SP> mode <SP> pathname",
  parse: (given, dialogue) => {
    const space = (given ?? "").indexOf(" ");
    const mode = parseMode((given ?? "").slice(0, Math.max(space, 0)));
    const name = (given ?? "").slice(space + 1);
    return mode === undefined || name === "" ? undefined : { value: { mode, path: dialogue.resolve(name) } };
  },
};

const mask: Grammar<number | undefined, Dialogue> = {
  syntax: "[<SP> mask]",
  parse: (given) => (given === undefined || given === "" ? { value: undefined } : valueOf(parseMode(given))),
};

const seconds: Grammar<number | undefined, Dialogue> = {
  syntax: "[<SP> seconds]",
  parse: (given) =>
    given === undefined || given === "" ? { value: undefined } : valueOf(parseDecimal(given, Number.MAX_SAFE_INTEGER)),
};

/**
 * The two forms that clients send: `YYYYMMDDhhmm[ss] path`, and `path` with three times (access, change,
 * creation) and `UTC` behind it, of which the second is the one that counts.
 */
const timesAndPath: Grammar<{ readonly modified: Date; readonly path: VirtualPath }, Dialogue> = {
  syntax: "<SP> YYYYMMDDHHMM[SS] <SP> pathname",
  parse: (given, dialogue) => {
    const behind = /^(.+) (\d{12}|\d{14}) (\d{12}|\d{14}) (\d{12}|\d{14}) UTC$/i.exec(given ?? "");
    const before = /^(\d{12}|\d{14}) (.+)$/.exec(given ?? "");
    const [name, stamp] = behind ? [behind[1], behind[3]] : [before?.[2], before?.[1]];
    const modified = parseTimestamp((stamp ?? "").padEnd(14, "0"));
    if (modified === undefined || name === undefined) return undefined;
    return { value: { modified, path: dialogue.resolve(name) } };
  },
};

/** Subcommands of SITE. */
export const siteRows: readonly Row[] = [
  row({
    verb: "HELP",
    source: "RFC 959 §4.1.3",
    summary: "tell which SITE commands there are",
    argument: none,
    replies: [214],
    run: (dialogue) => reply(214, dialogue.texts.siteHelpBegin, ...subcommands(dialogue), dialogue.texts.helpEnd),
  }),
  row({
    verb: "CHMOD",
    source: "practice",
    summary: "set the permission bits of a file",
    argument: modeAndPath,
    replies: [200, 550],
    run: async ({ fileSystem, texts }, { mode, path }) => {
      await fileSystem.setMode(path, mode);
      return reply(200, texts.modeChanged);
    },
  }),
  row({
    verb: "UTIME",
    source: "practice",
    summary: "set the time of a file's last change",
    argument: timesAndPath,
    replies: [200, 550],
    run: async ({ fileSystem, texts }, { modified, path }) => {
      await fileSystem.setTimes(path, { modified });
      return reply(200, texts.timesChanged);
    },
  }),
  row({
    verb: "UMASK",
    source: "practice",
    summary: "show or set the bits that new files lack",
    argument: mask,
    replies: [200],
    run: ({ state, fileSystem, texts }, bits) => {
      if (!fileSystem.supports("setMode")) throw new FileSystemError("ENOSYS", "/");
      state.umask = bits ?? state.umask;
      return reply(200, texts.umaskIs(state.umask === undefined ? "022" : state.umask.toString(8).padStart(3, "0")));
    },
  }),
  row({
    verb: "IDLE",
    source: "practice",
    summary: "show or set the seconds that may pass between commands",
    argument: seconds,
    replies: [200],
    run: changeIdleLimit,
  }),
];

/** SITE itself: finds the subcommand and runs it behind the gate. */
export const siteRow: Row = row({
  verb: "SITE",
  source: "RFC 959 §4.1.3",
  summary: "run a command of this site",
  argument: text("command [<SP> argument]"),
  replies: [200, 214, 450, 550],
  needs: ["login"],
  secret: isSecret,
  details: subcommands,
  run: runSiteCommand,
});

function subcommands({ siteTable }: Dialogue): readonly string[] {
  return inColumns(siteTable.rows.map(({ verb }) => verb));
}

async function runSiteCommand(dialogue: Dialogue, given: string): Promise<Reply> {
  const { verb, argument } = parseCommandLine(given);
  const found = dialogue.siteTable.find(verb);
  if (found === undefined) return reply(504, dialogue.texts.unknownCommand);
  const passed = checkCommand(dialogue, found, argument);
  if (passed.refusal !== undefined) return passed.refusal;
  const told = tellable(dialogue, found, argument);
  const refusal = await dialogue.ask(
    "site",
    new SiteQuestion(dialogue.session, dialogue.texts.refused, found.verb, told),
  );
  if (refusal !== undefined) return refusal;
  try {
    return await found.run(dialogue, passed.argument as never);
  } catch (error) {
    if (isFault(error)) throw error;
    return refusalOf(error, found.replies, false, dialogue.texts);
  }
}

/** Whether the subcommand that is named keeps its argument to itself. */
function isSecret(given: string | undefined, dialogue: Dialogue): boolean {
  const { verb, argument } = parseCommandLine(given ?? "");
  const found = dialogue.siteTable.find(verb);
  // A subcommand that is misspelt may have been meant as a secret one.
  if (found === undefined)
    return dialogue.siteTable.rows.some(({ secret }) => secret !== undefined && secret !== false);
  return argument !== undefined && tellable(dialogue, found, argument) === undefined;
}

/** No client may stay longer than the host lets all of them. */
function changeIdleLimit({ limits, settings, texts }: Dialogue, wanted: number | undefined): Reply {
  const most = settings.idleTimeout > 0 ? Math.floor(settings.idleTimeout / 1000) : MAX_IDLE_SECONDS;
  if (wanted !== undefined && (wanted < 1 || wanted > most)) return reply(501, texts.idleRange(most));
  if (wanted !== undefined) limits.idleMilliseconds = wanted * 1000;
  return reply(200, texts.idleIs(Math.floor(limits.idleMilliseconds / 1000)));
}
