/** Stores that tell a wrong checksum, in one way each. */
import { createHash } from "node:crypto";
import type { Checksum } from "../../dist/storage/checksum.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type { ChecksumOptions, WriteHandle, WriteOptions } from "../../dist/storage/file-system.js";
import type { FileSystemError } from "../../dist/storage/file-system-error.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import type { VirtualPath } from "../../dist/storage/names.js";
import { changed } from "./changed-upload.js";
import { bytes } from "./store.js";

/** Changes what is told of each checksum. */
abstract class ChangesSums extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.changed(await super.checksum(path, options), options);
  }

  protected abstract changed(sum: Checksum, options: ChecksumOptions): Checksum;
}

export class ShoutsDigests extends ChangesSums {
  protected override changed(sum: Checksum): Checksum {
    return { ...sum, digest: sum.digest.toUpperCase() };
  }
}

export class DropsZeros extends ChangesSums {
  protected override changed(sum: Checksum): Checksum {
    return { ...sum, digest: sum.digest.replace(/^0+/, "") };
  }
}

/** As a client asked, not as there was. */
export class EndsWhereItWasAsked extends ChangesSums {
  protected override changed(sum: Checksum, { end }: ChecksumOptions): Checksum {
    return { ...sum, end: end ?? sum.end };
  }
}

export class CountsFromTheStart extends ChangesSums {
  protected override changed({ digest, start, end }: Checksum): Checksum {
    return { digest, start: 0, end: end - start };
  }
}

export class SumsTheWhole extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const { digest } = await super.checksum(path, { ...options, start: 0, end: undefined });
    return { ...(await super.checksum(path, options)), digest };
  }
}

export class SumsNothingBeyondTheEnd extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const { size } = await super.stat(path, options);
    return super.checksum(path, { ...options, start: Math.min(options.start ?? 0, size) });
  }
}

export class KnowsOneAlgorithm extends FileSystemWrapper {
  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return super.checksum(path, { ...options, algorithm: "md5" });
  }
}

/** As stores do that keep one for each part. */
export class SumsChecksums extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const sum = await super.checksum(path, options);
    if (sum.end <= 262_144) return sum;
    return { ...sum, digest: createHash("md5").update(sum.digest).digest("hex") };
  }
}

export class LosesTheLastByte extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const { size } = await super.stat(path, options);
    const sum = await super.checksum(path, size === 262_145 ? { ...options, end: size - 1 } : options);
    return { ...sum, end: size };
  }
}

export class Keeps extends FileSystemWrapper {
  readonly #sums = new Map<string, Promise<Checksum>>();

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const key = JSON.stringify([path, options]);
    const sum = this.#sums.get(key) ?? super.checksum(path, options);
    this.#sums.set(key, sum);
    return sum;
  }

  protected forget(): void {
    this.#sums.clear();
  }
}

export class KeepsWhatIsAddedTo extends Keeps {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    if (options.mode === "replace") this.forget();
    return super.openWrite(path, options);
  }
}

export class SumsDirectories extends FileSystemWrapper {
  override checksum(path: VirtualPath, { algorithm, ...which }: ChecksumOptions): Promise<Checksum> {
    const nothing = async () => ({ digest: createHash(algorithm).digest("hex"), start: 0, end: 0 });
    return super.checksum(path, { algorithm, ...which }).catch((error: FileSystemError) => {
      if (error.code !== "EISDIR") throw error;
      return nothing();
    });
  }
}

export class SumsWhatIsMissing extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return super.checksum(path, options).catch((error: FileSystemError) => {
      if (error.code !== "ENOENT") throw error;
      return { digest: "0", start: 0, end: 0 };
    });
  }
}

/** Says of what is there, and of what is coming, the same. */
export class SumsWhatArrives extends FileSystemWrapper {
  #arriving: VirtualPath | undefined;

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    const write = (chunks: readonly Uint8Array[]): Promise<void> => {
      this.#arriving = path;
      return handle.write(chunks);
    };
    const commit = (): Promise<FileInfo> => {
      this.#arriving = undefined;
      return handle.commit();
    };
    return changed(handle, { write, commit });
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return super.checksum(path, this.#arriving === path ? { ...options, end: 1 } : options);
  }
}

export class SumsInPieces extends FileSystemWrapper {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    if (options.algorithm !== "md5") return super.checksum(path, options);
    const { size } = await super.stat(path, options);
    const { start = 0, end = size, signal } = options;
    const hash = createHash("md5");
    const last = Math.min(end, size);
    for (let from = start; from <= last; from += 65_536) {
      hash.update(await bytes(this.inner, path, { start: from, end: Math.min(last, from + 65_536), signal }));
      await new Promise(setImmediate);
    }
    return { digest: hash.digest("hex"), start, end: last };
  }
}

export class SumsForNobody extends FileSystemWrapper {
  override checksum(path: VirtualPath, { signal: _, ...options }: ChecksumOptions): Promise<Checksum> {
    return super.checksum(path, options);
  }
}
