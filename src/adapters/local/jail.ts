/**
 * The root of a local file system: from virtual paths to pinned places inside it, and never outside. The
 * real path of what was pinned decides, so neither links nor a parent of the root that is a link can deceive it.
 */
import { access } from "node:fs/promises";
import { FileSystemError } from "../../storage/file-system-error.js";
import { isWithin, parentOf, ROOT, type VirtualPath } from "../../storage/names.js";
import type { Disk } from "./disk.js";
import { diskOf } from "./disk-of.js";
import type { NameRules } from "./name-rules.js";
import { hostPath, type Pin, type Pinning, pinByDescriptor, pinByPath, realPathOf } from "./pin.js";
import { refusal } from "./refusal.js";

/** What a jail is made of. */
export interface JailOptions {
  /** Absolute path of the folder on the host. */
  readonly root: string;
  /** Whether links that lead to places inside are followed. */
  readonly followLinks: boolean;
  readonly names: NameRules;
  /** `process.platform`: decides how places are pinned. */
  readonly platform: string;
}

/** What is known once the root has been found. `real` lacks a trailing slash: the root of the host is `""`. */
interface Ground {
  readonly real: string;
  readonly pin: Pinning;
}

/** Milliseconds until it is looked again what the root is on: something may have been mounted. */
const LOOK_MS = 10_000;

/** Pins what clients name, as far as it lies inside. Looks at the disk on first use. */
export class Jail {
  readonly #options: JailOptions;
  #ground: Ground | undefined;
  #disk: Promise<Disk> | undefined;
  #lookedAt = 0;

  constructor(options: JailOptions) {
    this.#options = options;
  }

  /**
   * Pins what a path leads to. Links that are broken, go in circles, lead out or to a hidden name are missing.
   * @param about the path that errors name. Default: the same
   * @throws FileSystemError `ENOENT`, or whatever the disk says of places inside
   */
  async pin(path: VirtualPath, about: VirtualPath = path): Promise<Pin> {
    this.#options.names.check(path);
    const ground = await this.#found(about);
    const disk = await this.#diskOf(ground);
    let pin: Pin;
    try {
      pin = await ground.pin(disk, ground.real + path);
    } catch (error) {
      throw (await this.#leadsAstray(ground, disk, path)) ? missing(about, error) : refusal(error, about);
    }
    // Where links were followed, a way that leads out and in again would tell names of places outside.
    if (
      this.#admits(pin, path) &&
      (this.pathOf(pin) === path || !(await this.#leadsAstray(ground, disk, parentOf(path))))
    )
      return pin;
    await pin.close();
    throw missing(about);
  }

  /** Whether links that lead to places inside are followed. */
  get followsLinks(): boolean {
    return this.#options.followLinks;
  }

  /** Pins the directory that holds a name, for what is done to the name itself. Errors name the whole path. */
  async pinParent(path: VirtualPath): Promise<Pin> {
    this.#options.names.check(path);
    return this.pin(parentOf(path), path);
  }

  /** Where a pinned place is for clients. */
  pathOf(pin: Pin): VirtualPath {
    return this.virtual(pin.real) ?? ROOT;
  }

  /** A real path of the host as clients know it; undefined outside the root, or before it was found. */
  virtual(real: string): VirtualPath | undefined {
    const base = this.#ground?.real;
    if (base === undefined || !isWithin(real as VirtualPath, base as VirtualPath)) return undefined;
    return (real.slice(base.length) || ROOT) as VirtualPath;
  }

  /** Finds the root, once: a root that is a link, or below one, is resolved when it is first used. */
  async #found(path: VirtualPath): Promise<Ground> {
    if (this.#ground !== undefined) return this.#ground;
    try {
      const real = (await realPathOf(this.#options.root)).replace(/\/$/, "");
      this.#ground = { real, pin: await pinningOn(this.#options.platform) };
      return this.#ground;
    } catch (cause) {
      const { code } = refusal(cause, path);
      throw new FileSystemError(code, path, { cause, message: `${code}: root folder ${this.#options.root}` });
    }
  }

  #diskOf({ real, pin }: Ground): Promise<Disk> {
    const now = performance.now();
    if (this.#disk === undefined || Math.abs(now - this.#lookedAt) > LOOK_MS) {
      this.#lookedAt = now;
      this.#disk = diskOf(real, hostPath(real || ROOT), pin === pinByDescriptor);
    }
    return this.#disk;
  }

  #admits(pin: Pin, path: VirtualPath): boolean {
    const inside = this.virtual(pin.real);
    if (inside === undefined || !this.#options.names.shows(inside)) return false;
    return this.#options.followLinks || inside === path;
  }

  /**
   * Whether a path goes through a link that is no way: what the disk says of places beyond it must not be told apart
   * from "missing".
   */
  async #leadsAstray(ground: Ground, disk: Disk, path: VirtualPath): Promise<boolean> {
    for (const step of stepsTo(path)) {
      try {
        await using pin = await ground.pin(disk, ground.real + step);
        if (!this.#admits(pin, step)) return true;
      } catch {
        return disk.isLink(hostPath(ground.real + step));
      }
    }
    return false;
  }
}

/** Every directory on the way, the path itself last. */
function stepsTo(path: VirtualPath): VirtualPath[] {
  return path === ROOT ? [] : [...stepsTo(parentOf(path)), path];
}

async function pinningOn(platform: string): Promise<Pinning> {
  if (platform !== "linux") return pinByPath;
  try {
    await access("/proc/self/fd");
    return pinByDescriptor;
  } catch {
    return pinByPath;
  }
}

function missing(path: VirtualPath, cause?: unknown): FileSystemError {
  return new FileSystemError("ENOENT", path, { cause });
}
