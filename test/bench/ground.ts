/**
 * The files that servers serve while they are measured, in memory where there is a file system of that kind, so that no
 * disk is measured. All of it goes when this program ends. Knows nothing of the servers.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testCertificates } from "../kit/certificates.js";
import { BLOCK, LINE } from "./job.js";

const HOME = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const BINARY = Buffer.alloc(BLOCK, "portside\n");
const TEXT = Buffer.from(`${"x".repeat(LINE - 1)}\n`.repeat(BLOCK / LINE));

/** The folder that uploads go to, and the only one that need be writable. */
export const UPLOADS = "/uploads";

export class Ground {
  readonly home: string;
  readonly files: string;
  readonly certificate: string;
  readonly key: string;

  private constructor() {
    this.home = mkdtempSync(join(HOME, "portside-bench-"));
    this.files = join(this.home, "files");
    this.certificate = join(this.home, "certificate.pem");
    this.key = join(this.home, "key.pem");
  }

  static async make(): Promise<Ground> {
    const ground = new Ground();
    process.on("exit", () => rmSync(ground.home, { recursive: true, force: true }));
    // Servers may give up the rights that this program has.
    chmodSync(ground.home, 0o755);
    mkdirSync(ground.files);
    mkdirSync(join(ground.files, UPLOADS));
    chmodSync(join(ground.files, UPLOADS), 0o777);
    const { server } = await testCertificates();
    writeFileSync(ground.certificate, server.cert);
    writeFileSync(ground.key, server.key, { mode: 0o600 });
    return ground;
  }

  /** A file of so many bytes, unless it is there. @param text whether it has lines of 64 bytes */
  file(path: string, bytes: number, text: boolean): void {
    const place = join(this.files, path);
    if (existsSync(place)) return;
    const block = (text ? TEXT : BINARY).subarray(0, Math.min(bytes, BLOCK));
    const descriptor = openSync(place, "w", 0o644);
    for (let written = 0; written < bytes; written += block.length) writeSync(descriptor, block);
    closeSync(descriptor);
  }

  /** A file of so many bytes that takes no room. */
  hole(path: string, bytes: number): void {
    writeFileSync(join(this.files, path), "");
    truncateSync(join(this.files, path), bytes);
  }

  /** A folder of so many empty files, unless it is there. */
  folder(path: string, entries: number): void {
    const place = join(this.files, path);
    if (existsSync(place)) return;
    mkdirSync(place);
    for (let index = 0; index < entries; index++) writeFileSync(join(place, `file-${index}.txt`), "");
  }

  /** Removes what was uploaded, so that the next one is given the same memory. @returns how many bytes it was */
  takeUploads(): number {
    let bytes = 0;
    const folder = join(this.files, UPLOADS);
    for (const name of readdirSync(folder)) {
      bytes += statSync(join(folder, name)).size;
      rmSync(join(folder, name));
    }
    return bytes;
  }
}
