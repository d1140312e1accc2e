/** The flags of the benchmark. */
import { parseArgs } from "node:util";

const HELP = `npm run bench -- [options] [names of servers and of scenarios, or a part of these]

  --list          what could be run here
  --rounds N      how often each server does each scenario; default 3
  --quick         small files and short loops: to see whether everything works
  --workers N     portside once more, with so many processes
  --loads N       processes that make the load; default 1
  --idle N        idle sessions whose memory is measured; default 1000, with --quick 200
  --json FILE     writes all figures to a file, each round by itself
  --growth        instead: what a command, a session and a byte cost as there are more of them
  --help

Peers are those of vsftpd, proftpd, pure-ftpd and pyftpdlib that are installed. ftp-srv is one where
PORTSIDE_BENCH_MODULES names a folder in which npm has installed it. Everything is on 127.0.0.1.
`;

/** What was asked for. */
export interface Options {
  readonly words: readonly string[];
  readonly rounds: number;
  readonly workers: number;
  readonly loads: number;
  /** 0 is as many as the size says. */
  readonly idle: number;
  readonly quick: boolean;
  readonly growth: boolean;
  readonly list: boolean;
  readonly json: string | undefined;
}

/** Ends the program where help was asked for, or needed. */
export function readOptions(args: readonly string[]): Options {
  try {
    return parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

function parse(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "3" },
      workers: { type: "string", default: "1" },
      loads: { type: "string", default: "1" },
      idle: { type: "string", default: "0" },
      quick: { type: "boolean", default: false },
      growth: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const { quick, growth, list, json } = values;
  return {
    words: positionals,
    rounds: whole("rounds", values.rounds, 1, 100),
    workers: whole("workers", values.workers, 1, 64),
    loads: whole("loads", values.loads, 1, 16),
    idle: whole("idle", values.idle, 0, 20_000),
    quick,
    growth,
    list,
    json,
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  throw new Error(`--${name} is a number from ${least} to ${most}, not ${text}`);
}
