/** What is measured, and how large: each scenario with its job, its units, and the files that it reads. */
import { type Ground, UPLOADS } from "./ground.js";
import type { Job, TransferJob } from "./job.js";

const MIB = 2 ** 20;

/** What the rate counts: bytes of files, entries of a listing, or operations. */
export type Unit = "MB" | "entries" | "files" | "sessions" | "commands";

export interface Scenario {
  readonly name: string;
  /** In a line. */
  readonly about: string;
  readonly unit: Unit;
  readonly tls: boolean;
  readonly job: Job;
  /** How many units an operation is. */
  readonly units: number;
  /** Whether each round has a server of its own, and nothing before it. */
  readonly fresh: boolean;
  /** Makes what is read. */
  prepare(ground: Ground): void;
}

/** How large everything is. */
export interface Sizes {
  /** Bytes of the large file, of the text, and of what each of many clients moves. */
  readonly file: number;
  readonly text: number;
  readonly share: number;
  readonly entries: number;
  /** Milliseconds that clients repeat what is small. */
  readonly milliseconds: number;
  readonly idle: number;
}

/** As the figures should be made. */
export const FULL: Sizes = {
  file: 1024 * MIB,
  text: 256 * MIB,
  share: 10 * MIB,
  entries: 100_000,
  milliseconds: 3000,
  idle: 1000,
};

/** To see whether everything works. */
export const QUICK: Sizes = {
  file: 64 * MIB,
  text: 32 * MIB,
  share: MIB,
  entries: 10_000,
  milliseconds: 500,
  idle: 200,
};

/** All of them, in the order in which they are run. */
export function scenarios(sizes: Sizes): Scenario[] {
  const { milliseconds, idle } = sizes;
  const noop = { kind: "commands", milliseconds, idle: 0 } as const;
  const sessions: Job = { kind: "sessions", milliseconds, clients: 20, idle: 0 };
  return [
    ...both("retr", "one large file, TYPE I", large(sizes, "RETR")),
    ...both("stor", "one large file, TYPE I", large(sizes, "STOR")),
    transfer("retr-a", "one large text, TYPE A", text(sizes, "RETR")),
    transfer("stor-a", "one large text, TYPE A", text(sizes, "STOR")),
    counted("sessions", "connect, log in, QUIT; 20 clients", "sessions", sessions),
    counted("sessions-tls", "the same over TLS 1.3", "sessions", sessions, true),
    ...both("small-retr", "files of 1 KiB, 20 clients", small(sizes, "RETR")),
    ...both("small-stor", "files of 1 KiB, 20 clients", small(sizes, "STOR")),
    listing("list", "LIST", sizes),
    listing("mlsd", "MLSD", sizes),
    crowd("crowd-retr-100", "RETR", 100, sizes),
    crowd("crowd-stor-100", "STOR", 100, sizes),
    crowd("crowd-retr-300", "RETR", 300, sizes),
    crowd("crowd-stor-300", "STOR", 300, sizes),
    counted("noop", "NOOP, one after the other; 20 clients", "commands", { ...noop, batch: 1, clients: 20 }),
    counted("noop-pipe", "NOOP, 100 in one piece; 1 client", "commands", { ...noop, batch: 100, clients: 1 }),
    silent("idle", `memory of ${idle} idle sessions, one large file among them`, sizes),
    { ...silent("idle-tls", "the same over TLS 1.3", sizes), tls: true },
  ];
}

type Transfer = TransferJob & Pick<Job, "clients" | "idle">;

function large({ file }: Sizes, verb: "RETR" | "STOR"): Transfer {
  return { ...single(verb), type: "I", path: verb === "RETR" ? "/file" : UPLOADS, bytes: file };
}

function text({ text }: Sizes, verb: "RETR" | "STOR"): Transfer {
  return { ...single(verb), type: "A", path: verb === "RETR" ? "/text" : UPLOADS, bytes: text };
}

function small({ milliseconds }: Sizes, verb: "RETR" | "STOR"): Transfer {
  const path = verb === "RETR" ? "/small" : UPLOADS;
  return { ...single(verb), type: "I", path, bytes: 1024, milliseconds, clients: 20 };
}

function single(verb: "RETR" | "STOR") {
  return { kind: "transfer", verb, milliseconds: 0, clients: 1, idle: 0 } as const;
}

function transfer(name: string, about: string, job: Transfer): Scenario {
  const { verb, path, bytes, type } = job;
  const isSmall = bytes < MIB;
  return {
    name,
    about: `${verb}, ${about}`,
    unit: isSmall ? "files" : "MB",
    tls: false,
    job,
    units: isSmall ? 1 : bytes / 1e6,
    fresh: false,
    prepare: (ground) => {
      if (verb === "RETR") ground.file(path, bytes, type === "A");
    },
  };
}

function both(name: string, about: string, job: Transfer): Scenario[] {
  const clear = transfer(name, about, job);
  return [clear, { ...clear, name: `${name}-tls`, about: `${clear.about}, TLS 1.3`, tls: true }];
}

function crowd(name: string, verb: "RETR" | "STOR", clients: number, { share }: Sizes): Scenario {
  const path = verb === "RETR" ? "/share" : UPLOADS;
  return transfer(name, `${clients} clients at once`, { ...single(verb), type: "I", path, bytes: share, clients });
}

function silent(name: string, about: string, sizes: Sizes): Scenario {
  const scenario = transfer(name, "", { ...large(sizes, "RETR"), idle: sizes.idle });
  return { ...scenario, about, fresh: true };
}

function listing(name: string, verb: "LIST" | "MLSD", { entries }: Sizes): Scenario {
  const path = "/entries";
  const job: Job = { kind: "listing", verb, path, clients: 1, idle: 0 };
  const prepare = (ground: Ground): void => ground.folder(path, entries);
  const about = `${verb} of ${entries.toLocaleString("en")} entries`;
  return { name, about, unit: "entries", tls: false, job, units: entries, fresh: false, prepare };
}

function counted(name: string, about: string, unit: Unit, job: Job, tls = false): Scenario {
  return { name, about, unit, tls, job, units: 1, fresh: false, prepare: () => undefined };
}
