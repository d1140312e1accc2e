/** A store in which things go wrong as planned: for tests of what stands on it. */
import { setTimeout as pause } from "node:timers/promises";
import type { Checksum } from "../storage/checksum.js";
import type { FileInfo } from "../storage/file-info.js";
import type {
  ChecksumOptions,
  CreationOptions,
  FileSystem,
  FileTimes,
  OperationOptions,
  ReadHandle,
  ReadOptions,
  RenameOptions,
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "../storage/file-system.js";
import { FileSystemWrapper } from "../storage/file-system-wrapper.js";
import type { VirtualPath } from "../storage/names.js";
import { untilAborted } from "../storage/until-aborted.js";
import { Flow } from "./faulty-flow.js";
import { type Fault, FaultPlan, type FaultPoint, failureOf } from "./faulty-plan.js";
import { FaultyUpload } from "./faulty-upload.js";

/**
 * The same tree with faults in it: any call delayed, failing, stalled or cut short. Everything else is as the store
 * does it.
 * @param faults what shall go wrong; several may strike at one call, in this order
 * @throws RangeError where a fault makes no sense
 * @example
 * const lost: Fault = { at: "commit", path: "/report.csv", fail: "EIO" };
 * const store = faulty(new MemoryFileSystem(), [lost, { at: "read", after: 1_000_000, stall: "signal" }]);
 * // … upload, then:
 * assert.equal(store.times(lost), 1);
 */
export function faulty(fileSystem: FileSystem, faults: readonly Fault[]): FaultyFileSystem {
  return new FaultyFileSystem(fileSystem, new FaultPlan(faults));
}

/** What `faulty` makes. */
export class FaultyFileSystem extends FileSystemWrapper {
  readonly #plan: FaultPlan;
  readonly #stalled = new Set<() => void>();

  constructor(inner: FileSystem, plan: FaultPlan) {
    super(inner);
    this.#plan = plan;
  }

  /** How often a fault of the plan has struck. */
  times(fault: Fault): number {
    return this.#plan.times(fault);
  }

  /** Resolves when a fault of the plan has struck, now or later: a stalled call then stands still. @throws RangeError for any other fault */
  struck(fault: Fault): Promise<void> {
    return this.#plan.struck(fault);
  }

  /** Lets every call go on that stands still now. */
  release(): void {
    for (const goOn of this.#stalled) goOn();
    this.#stalled.clear();
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.#passing("stat", path, options, () => super.stat(path, options));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    await this.#passing("list", path, options);
    for await (const info of super.list(path, options)) {
      for (const fault of this.#plan.at("entry", path, false)) if (await this.#meet(fault, path, options)) return;
      yield info;
    }
  }

  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    const handle = await this.#passing("openRead", path, options, () => super.openRead(path, options));
    const close = (): Promise<void> => this.#passing("close", path, undefined, () => handle.close());
    return { info: handle.info, body: this.#body(handle, path, options), close, [Symbol.asyncDispose]: close };
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.#passing("checksum", path, options, () => super.checksum(path, options));
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await this.#passing("openWrite", path, options, () => super.openWrite(path, options));
    const flow = this.#flow("write", path, options);
    return new FaultyUpload(handle, flow, (point, run) => this.#passing(point, path, undefined, run), options.signal);
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#passing("remove", path, options, () => super.remove(path, options));
  }

  override makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    return this.#passing("makeDirectory", path, options, () => super.makeDirectory(path, options));
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#passing("removeDirectory", path, options, () => super.removeDirectory(path, options));
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    return this.#passing("rename", from, options, () => super.rename(from, to, options));
  }

  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return this.#passing("setTimes", path, options, () => super.setTimes(path, times, options));
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return this.#passing("setMode", path, options, () => super.setMode(path, mode, options));
  }

  override availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    return this.#passing("availableSpace", path, options, () => super.availableSpace(path, options));
  }

  async *#body(handle: ReadHandle, path: VirtualPath, options?: OperationOptions): AsyncGenerator<Uint8Array> {
    const flow = this.#flow("read", path, options);
    for await (const piece of handle.body) {
      yield* flow.pass(piece);
      if (flow.cut) return;
    }
    await flow.end();
  }

  #flow(point: "read" | "write", path: VirtualPath, options: OperationOptions | undefined): Flow {
    const [each, once] = [this.#plan.at(point, path, false), this.#plan.at(point, path, true)];
    return new Flow({ each, once, meet: (fault) => this.#meet(fault, path, options) });
  }

  /** Lets the faults of a point have their turn, and then, or before the late ones, the store. */
  async #passing<Result = void>(
    point: FaultPoint,
    path: VirtualPath,
    options: OperationOptions | undefined,
    run?: () => Promise<Result>,
  ): Promise<Result> {
    const faults = this.#plan.at(point, path, false);
    for (const fault of faults) if (!fault.late) await this.#meet(fault, path, options);
    const result = (await run?.()) as Result;
    for (const fault of faults) if (fault.late) await this.#meet(fault, path, options);
    return result;
  }

  /** Counts the call, and strikes where it is the one. @returns whether what follows is lost */
  async #meet(fault: Fault, path: VirtualPath, options: OperationOptions | undefined): Promise<boolean> {
    if (!this.#plan.strikes(fault)) return false;
    const { delay, stall, truncate } = fault;
    const failure = failureOf(fault, path);
    if (failure !== undefined) throw failure;
    const signal = stall === "deaf" ? undefined : options?.signal;
    if (delay !== undefined) await pause(delay, undefined, { signal }).catch(() => signal?.throwIfAborted());
    if (stall !== undefined) await untilAborted(new Promise<void>((resolve) => this.#stalled.add(resolve)), signal);
    return truncate === true;
  }
}
