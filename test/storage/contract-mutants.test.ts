/** Stores that are broken in one way each: the contract must see it, in the case that is about it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { Checksum } from "../../dist/storage/checksum.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type {
  Capability,
  ChecksumOptions,
  FileSystem,
  FileTimes,
  OperationOptions,
  ReadHandle,
  ReadOptions,
  RenameOptions,
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import type { VirtualPath } from "../../dist/storage/names.js";
import { contractCases } from "../../dist/testing/index.js";
import * as bodies from "./body-mutants.js";
import { changed } from "./changed-upload.js";
import * as sums from "./checksum-mutants.js";
import { at } from "./store.js";

async function whole(handle: ReadHandle): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of handle.body) chunks.push(chunk);
  return chunks;
}

class KeepsAborted extends FileSystemWrapper {
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    return changed(handle, { abort: async () => void (await handle.commit().catch(() => undefined)) });
  }
}

class ShowsHalves extends FileSystemWrapper {
  readonly #begun = new Set<string>();

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    this.#begun.add(path.slice(1));
    const over = () => void this.#begun.delete(path.slice(1));
    return changed(handle, {
      commit: () => handle.commit().finally(over),
      abort: () => handle.abort().finally(over),
    });
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    for (const name of this.#begun) yield { name, type: "file", size: 0 };
    yield* super.list(path, options);
  }
}

class AppendsFromTheStart extends FileSystemWrapper {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(path, options.mode === "append" ? { ...options, mode: "replace" } : options);
  }
}

class ResumesAtTheEnd extends FileSystemWrapper {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(path, options.mode === "at" ? { ...options, mode: "append" } : options);
  }
}

class ReplacesExclusive extends FileSystemWrapper {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(path, options.mode === "exclusive" ? { ...options, mode: "replace" } : options);
  }
}

class LooksBeforeItMakes extends FileSystemWrapper {
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    if (options.mode !== "exclusive") return handle;
    await handle.abort();
    return super.openWrite(path, { ...options, mode: "replace" });
  }
}

class RenamesOver extends FileSystemWrapper {
  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    return super.rename(from, to, { ...options, overwrite: true });
  }
}

class CopiesInsteadOfMoving extends FileSystemWrapper {
  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    const { type } = await this.stat(from);
    if (type === "directory" || from === to) return super.rename(from, to, options);
    await using source = await this.openRead(from);
    const mode = options?.overwrite ? "replace" : "exclusive";
    const handle = await this.openWrite(to, { mode });
    await handle.write(await whole(source));
    await handle.commit();
  }
}

class DeafToSignals extends FileSystemWrapper {
  override stat(path: VirtualPath): Promise<FileInfo> {
    return super.stat(path);
  }
  override list(path: VirtualPath): AsyncIterable<FileInfo> {
    return super.list(path);
  }
  override openRead(path: VirtualPath, { start, end }: ReadOptions = {}): Promise<ReadHandle> {
    return super.openRead(path, { start, end });
  }
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(path, { ...options, signal: undefined });
  }
}

class CopiesReasons extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const handle = await super.openRead(path, options);
    async function* body(): AsyncGenerator<Uint8Array> {
      for await (const chunk of handle.body) {
        yield chunk;
        if (options.signal?.aborted) throw new Error("ABOR");
      }
    }
    const close = (): Promise<void> => handle.close();
    return { info: handle.info, body: body(), close, [Symbol.asyncDispose]: close };
  }
}

class Hoards extends FileSystemWrapper {
  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    const all: FileInfo[] = [];
    for await (const entry of super.list(path, options)) all.push(entry);
    yield* all;
  }
}

class ListsTwice extends FileSystemWrapper {
  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    let count = 0;
    for await (const entry of super.list(path, options)) {
      yield entry;
      if (++count === 400) yield entry;
    }
  }
}

class CommitsInHalves extends FileSystemWrapper {
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    const commit = async (): Promise<FileInfo> => {
      if (options.mode === "replace") await (await super.openWrite(path, { mode: "replace" })).commit();
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      return handle.commit();
    };
    return changed(handle, { commit });
  }
}

class LosesTheLastByte extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const handle = await super.openRead(path, options);
    const end = Math.min(options.end ?? handle.info.size, handle.info.size - (handle.info.size === 262_145 ? 1 : 0));
    await handle.close();
    return super.openRead(path, { ...options, end });
  }
}

class ReadsOnBeyondTheEnd extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const { size } = await super.stat(path, options);
    return super.openRead(path, { ...options, start: Math.min(options.start ?? 0, size) });
  }
}

class NormalizesNames extends FileSystemWrapper {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(at(path.normalize("NFC")), options);
  }
  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return super.stat(at(path.normalize("NFC")), options);
  }
}

class DecodesNames extends FileSystemWrapper {
  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return super.openWrite(at(path.replaceAll("%25", "%")), options);
  }
}

class ThrowsItsOwnErrors extends FileSystemWrapper {
  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return super.stat(path, options).catch((error: unknown) => {
      if (!(error instanceof FileSystemError) || error.code === "EINVAL") throw error;
      throw Object.assign(new Error("no such row"), { code: error.code, path });
    });
  }
}

class NamesKeysInErrors extends FileSystemWrapper {
  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return super.remove(path, options).catch((error: unknown) => {
      throw error instanceof FileSystemError ? new FileSystemError(error.code, path.slice(1), { cause: error }) : error;
    });
  }
}

class RemovesDirectoriesAsFiles extends FileSystemWrapper {
  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    const { type } = await super.stat(path, options);
    return type === "directory" && path !== "/" ? super.removeDirectory(path, options) : super.remove(path, options);
  }
}

class ForgetsTimes extends FileSystemWrapper {
  override async setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    await super.setTimes(path, {}, options);
    void times;
  }
}

class PromisesTooMuch extends FileSystemWrapper {
  override supports(capability: Capability, path?: VirtualPath): boolean {
    return capability === "availableSpace" || super.supports(capability, path);
  }
}

class MixesVersions extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const handle = await super.openRead(path, options);
    const store = this.inner;
    const { start = 0, end = handle.info.size, signal } = options;
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let from = start; from < end; from += 262_144) {
        await using piece = await store.openRead(path, { start: from, end: Math.min(end, from + 262_144), signal });
        yield* piece.body;
      }
    }
    return {
      info: handle.info,
      body: body(),
      close: () => handle.close(),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  }
}

class LastAppendWins extends FileSystemWrapper {
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    if (options.mode !== "append") return super.openWrite(path, options);
    const { size } = await super.stat(path).catch(() => ({ size: 0 }));
    const handle = await super.openWrite(path, { ...options, mode: "replace" });
    if (size > 0) await handle.write(await whole(await super.openRead(path)));
    return changed(handle, { offset: size });
  }
}

/** Each mutant with the case that is about its fault. */
const MUTANTS: readonly (readonly [new (inner: FileSystem) => FileSystem, title: string])[] = [
  [bodies.LosesWhatDoesNotFit, "bytes that are read into memory of the reader are the same, where the store reads so"],
  [bodies.ReadsOnAfterTheSignal, "a signal ends reading into memory of the reader, where the store reads so"],
  [KeepsAborted, "replace: abort at every stage leaves nothing"],
  [KeepsAborted, "abort at every stage leaves what stood there"],
  [KeepsAborted, "a handle that is disposed without commit is aborted, one that was committed stays"],
  [ShowsHalves, "replace: nothing is visible before commit, everything after it"],
  [AppendsFromTheStart, "append adds to the end, and makes a missing file"],
  [ResumesAtTheEnd, "at keeps a long prefix exactly and ends at the last byte sent"],
  [ReplacesExclusive, "exclusive meets a taken name"],
  [LooksBeforeItMakes, "exclusive meets a name that was taken meanwhile"],
  [LooksBeforeItMakes, "of eight who make the same name exactly one succeeds"],
  [RenamesOver, "a taken name is EEXIST; with overwrite a file gives way to a file"],
  [CopiesInsteadOfMoving, "a file is moved, also to another directory"],
  [DeafToSignals, "an operation whose signal has fired rejects with its reason and does nothing"],
  [DeafToSignals, "a signal ends a download midway"],
  [CopiesReasons, "a signal ends a download midway"],
  [DeafToSignals, "a signal ends a listing midway"],
  [DeafToSignals, "replace: a signal ends an upload midway; what arrived can be aborted or kept"],
  [Hoards, "many entries: each once, in memory that does not grow with them"],
  [ListsTwice, "many entries: each once, in memory that does not grow with them"],
  [CommitsInHalves, "who reads while a file is replaced gets the old or the new one, whole"],
  [LosesTheLastByte, "sizes round the borders of parts and buffers"],
  [ReadsOnBeyondTheEnd, "a range that begins beyond the end is ERANGE"],
  [NormalizesNames, "S1.18 names of every kind go through write, list, stat and read"],
  [DecodesNames, "S1.18 names of every kind go through write, list, stat and read"],
  [ThrowsItsOwnErrors, "what is missing is ENOENT"],
  [NamesKeysInErrors, "what was removed is gone"],
  [RemovesDirectoriesAsFiles, "a directory cannot be written, read or removed as a file"],
  [ForgetsTimes, "modified can be set of files, and goes with a move"],
  [PromisesTooMuch, "supports() tells the truth: what it denies is refused, and changes nothing"],
  [MixesVersions, "S12.14 a reader never sees bytes of two versions, while the file is replaced and removed"],
  [LastAppendWins, "S12.13 two who append: one is refused with EBUSY, bytes never mix"],
  [LastAppendWins, "an append to a file that was replaced meanwhile is refused"],
  [sums.ShoutsDigests, "checksums by each algorithm, in lower-case hexadecimal of full length"],
  [sums.DropsZeros, "checksums by each algorithm, in lower-case hexadecimal of full length"],
  [sums.KnowsOneAlgorithm, "checksums by each algorithm, in lower-case hexadecimal of full length"],
  [sums.LosesTheLastByte, "checksums of sizes round the borders of parts and buffers"],
  [sums.SumsChecksums, "checksums of sizes round the borders of parts and buffers"],
  [sums.SumsTheWhole, "the checksum of a range counts its bytes, and says which they were"],
  [sums.CountsFromTheStart, "the checksum of a range counts its bytes, and says which they were"],
  [sums.EndsWhereItWasAsked, "the checksum of a range counts its bytes, and says which they were"],
  [sums.SumsNothingBeyondTheEnd, "the checksum of a range that begins beyond the end is ERANGE"],
  [sums.SumsDirectories, "a directory has no checksum, nor has what is missing"],
  [sums.SumsWhatIsMissing, "a directory has no checksum, nor has what is missing"],
  [sums.Keeps, "the checksum of a file that was replaced, added to or resumed is the new one"],
  [sums.KeepsWhatIsAddedTo, "the checksum of a file that was replaced, added to or resumed is the new one"],
  [sums.Keeps, "a checksum goes with a move, and with what is moved over"],
  [sums.SumsWhatArrives, "an upload on its way does not count in a checksum"],
  [sums.SumsInPieces, "the checksum of a file that is replaced meanwhile is that of one version"],
  [sums.SumsForNobody, "an operation whose signal has fired rejects with its reason and does nothing"],
];

/** The case of that title, for the memory behind a wrapper. */
function caseOf(title: string, wrap: (inner: FileSystem) => FileSystem): () => Promise<void> {
  const found = contractCases({
    make: async () => ({ store: wrap(new MemoryFileSystem()), [Symbol.asyncDispose]: async () => undefined }),
    capabilities: { without: ["availableSpace"], entries: 2000 },
  }).find((one) => one.title === title);
  assert.ok(found !== undefined && found.skip === undefined, title);
  return found.run;
}

suite("what the contract sees", () => {
  for (const [Mutant, title] of MUTANTS)
    test(`${Mutant.name}: ${title}`, async () => {
      await caseOf(title, (inner) => new FileSystemWrapper(inner))();
      await assert.rejects(caseOf(title, (inner) => new Mutant(inner)));
    });

  test("a store that stalls and does not heed its signal is told from one that does", async () => {
    const outcome = (Store: new (inner: FileSystem) => Stalling) =>
      contractCases({
        make: async () => ({
          store: new Store(new MemoryFileSystem()),
          [Symbol.asyncDispose]: async () => undefined,
        }),
        probes: { stall: async ({ store }) => store.stall() },
      })
        .find(({ title }) => title === "a signal ends what was asked of a store that does not answer")
        ?.run();
    await outcome(Stalling);
    await Promise.all([
      assert.rejects(async () => outcome(StallingAndDeaf), /not within 2000 ms: stat/),
      assert.rejects(async () => outcome(StallingInSums), /not within 2000 ms: checksum/),
    ]);
  });
});

/** Stalls at `stat`, and heeds the signal. */
class Stalling extends FileSystemWrapper {
  protected until: Promise<void> = Promise.resolve();

  async stall(): Promise<AsyncDisposable> {
    let end: () => void = () => undefined;
    this.until = new Promise((resolve) => (end = resolve));
    return { [Symbol.asyncDispose]: async () => end() };
  }

  override async stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    await Promise.race([this.until, this.ended(options)]);
    return super.stat(path, options);
  }

  protected ended(options?: StatOptions): Promise<void> {
    return new Promise((_resolve, reject) => {
      options?.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error), { once: true });
    });
  }
}

class StallingAndDeaf extends Stalling {
  protected override ended(): Promise<void> {
    return new Promise(() => undefined);
  }
}

class StallingInSums extends Stalling {
  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    await this.until;
    return super.checksum(path, options);
  }
}
