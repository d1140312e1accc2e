/** How the disk that a folder is on may be asked: at once, or by the thread pool. */
import { type PathLike, promises } from "node:fs";
import { isWithin, type VirtualPath } from "../../storage/names.js";
import { Disk } from "./disk.js";
import { farMounts } from "./mounts.js";
import { Tempo } from "./tempo.js";

/**
 * File systems of Linux that are on this machine, by the number that statfs(2) gives: ext4, XFS, Btrfs, tmpfs, overlay, ZFS,
 * F2FS. One of a network may never answer, and then nobody is to wait but who has asked.
 */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0xf2f5_2010,
]);
/** Devices whose quickness is remembered: which of its folders is served changes nothing of it. */
const DEVICES = 64;

const tempos = new Map<bigint, Tempo>();
const NEVER = new Tempo(false);
const FAR = new Disk(NEVER, NEVER, "");

/**
 * The disk that a folder is on, as things are now: what is mounted there, or below it, may change. Never rejects.
 * @param real where the folder is, links resolved
 * @param pinned whether places in it are looked up once, and used by descriptor from then on: a path that is looked up
 * again may lead elsewhere by then
 */
export async function diskOf(real: string, folder: PathLike, pinned: boolean): Promise<Disk> {
  if (!pinned) return FAR;
  try {
    const [far, { type }, { dev }] = await Promise.all([
      farMounts(),
      promises.statfs(folder),
      promises.stat(folder, { bigint: true }),
    ]);
    if (far === undefined || !LOCAL.has(type)) return FAR;
    if (far.some((place) => isWithin(place as VirtualPath, real as VirtualPath))) return FAR;
    const tempo = tempoOf(dev);
    // A link may lead anywhere on its way out.
    return new Disk(tempo, far.length > 0 ? NEVER : tempo, real);
  } catch {
    return FAR;
  }
}

function tempoOf(device: bigint): Tempo {
  const known = tempos.get(device);
  if (known !== undefined) return known;
  const [oldest] = tempos.keys();
  if (tempos.size >= DEVICES && oldest !== undefined) tempos.delete(oldest);
  const tempo = new Tempo(true);
  tempos.set(device, tempo);
  return tempo;
}
