/**
 * Which places of this host belong to other hosts, or to programs: there a call of the operating system may never be
 * answered. Linux: /proc/self/mountinfo, see proc_pid_mountinfo(5). Knows nothing of roots.
 */
import { readFile } from "node:fs/promises";
import { decodeText } from "../../storage/names.js";

/** Types of what is mounted that the kernel answers for by itself, or from a disk of this host. All others may be far away. */
const NEAR: ReadonlySet<string> = new Set(
  (
    "bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs iso9660 ntfs3 overlay ramfs squashfs tmpfs udf vfat xfs zfs " +
    "bpf cgroup cgroup2 fusectl nsfs rpc_pipefs"
  ).split(" "),
);
/** Folders of the kernel, where mounts of any type have no files of clients. */
const KERNEL = /^\/(?:proc|sys|dev)(?:\/|$)/;
/** Milliseconds for which an answer counts. Who mounts something has it answer at first. */
const LASTS_MS = 10_000;

let table: Promise<readonly string[] | undefined> | undefined;
let asOf = 0;

/** Where something is mounted that may be far away, absolute and as text; undefined where the system does not say. */
export function farMounts(): Promise<readonly string[] | undefined> {
  const now = performance.now();
  if (table === undefined || Math.abs(now - asOf) > LASTS_MS) {
    asOf = now;
    table = readFile("/proc/self/mountinfo").then(farAmong, () => undefined);
  }
  return table;
}

/** The same, of a table. */
export function farAmong(mountinfo: Uint8Array): readonly string[] {
  const far: string[] = [];
  for (const line of decodeText(mountinfo).split("\n")) {
    const [mount = "", source = ""] = line.split(" - ");
    const place = unescaped(mount.split(" ")[4] ?? "");
    const type = source.split(" ")[0] ?? "";
    if (place.startsWith("/") && !KERNEL.test(place) && !NEAR.has(type)) far.push(place);
  }
  return far;
}

/** Blanks and their like stand as three octal digits. */
function unescaped(place: string): string {
  return place.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
