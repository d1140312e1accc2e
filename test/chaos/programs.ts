/** Real programs as clients of a chaos run: curl and lftp, that download, upload, and are killed while they do. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { findProgram, run } from "../kit/programs.js";
import { CONTENTS, contentOf } from "../robustness/kit-chaos-files.js";
import type { Random } from "../robustness/kit-random.js";

/** Where a program works, and against what. */
export interface Workplace {
  readonly port: number;
  /** Empty, of this program alone. */
  readonly folder: string;
  readonly random: Random;
}

const CURL = ["--disable", "--silent", "--insecure", "--user", "test:secret", "--connect-timeout", "5"];
/** Seconds that a program may take. */
const PATIENCE = 20;

/** One run of one program. @returns its name and what it did; `undefined` where none is installed */
export async function runProgram(place: Workplace): Promise<string | undefined> {
  const works = [
    ...(findProgram("curl") === undefined ? [] : [download, upload, killed]),
    ...(findProgram("lftp") === undefined ? [] : [mirror]),
  ];
  return works.length === 0 ? undefined : await place.random.pick(works)(place);
}

function curlArguments({ port, random }: Workplace, name: string): readonly string[] {
  const tls = random.chance(0.4) ? ["--ssl-reqd"] : [];
  const mode = random.pick([[], ["--disable-epsv"], ["--ftp-port", "-"]]);
  return [...CURL, ...tls, ...mode, "--max-time", String(PATIENCE), `ftp://127.0.0.1:${port}/${name}`];
}

/** What curl takes for a success is the whole file. */
async function download(place: Workplace): Promise<string> {
  const index = place.random.below(CONTENTS);
  const target = join(place.folder, "down");
  const { code } = await run("curl", [...curlArguments(place, `whole-${index}`), "--output", target]);
  if (code === 0)
    assert((await readFile(target)).equals(contentOf(index)), `curl was told that whole-${index} is whole`);
  return code === 0 ? "curl down" : "curl down, failed";
}

async function upload(place: Workplace): Promise<string> {
  const index = place.random.below(CONTENTS);
  const source = join(place.folder, "up");
  await writeFile(source, contentOf(index));
  const { code } = await run("curl", [...curlArguments(place, `whole-${index}`), "--upload-file", source]);
  return code === 0 ? "curl up" : "curl up, failed";
}

/** Killed in the middle of an upload; what was there before must stay. */
async function killed(place: Workplace): Promise<string> {
  const source = join(place.folder, "up");
  await writeFile(source, contentOf(CONTENTS - 2));
  const slow = ["--limit-rate", "150k", "--upload-file", source];
  const child = spawn("curl", [...curlArguments(place, `old-${place.random.below(CONTENTS)}`), ...slow], {
    stdio: "ignore",
  });
  const exited = once(child, "exit");
  await Promise.race([exited, pause(350 + place.random.below(500))]);
  child.kill("SIGKILL");
  await exited;
  return "curl killed";
}

async function mirror(place: Workplace): Promise<string> {
  const { port, folder, random } = place;
  const index = random.below(CONTENTS);
  const source = join(folder, "up");
  await writeFile(source, contentOf(index));
  const script = [
    "set net:max-retries 1",
    "set net:timeout 3",
    "set ssl:verify-certificate no",
    "set xfer:clobber yes",
    `set ftp:ssl-allow ${random.chance(0.4) ? "yes" : "no"}`,
    `open -u test,secret -p ${port} 127.0.0.1`,
    random.pick(["cls -1", "mirror --parallel=3 --include-glob whole-* / .", `put ${source} -o whole-${index}`]),
    `get whole-${index} -o down`,
  ];
  const { code } = await run("lftp", ["--norc", "-c", script.join("\n")], {
    cwd: folder,
    env: { HOME: folder },
    timeout: PATIENCE * 1000,
  });
  const target = join(folder, "down");
  if (code === 0 && existsSync(target) && !script.some((line) => line.startsWith("mirror")))
    assert((await readFile(target)).equals(contentOf(index)), `lftp was told that whole-${index} is whole`);
  return code === 0 ? "lftp" : "lftp, failed";
}
