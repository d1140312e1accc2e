/**
 * Work with an S3 file system in a process of its own, whose memory is then the adapter's: `node s3-memory-child.js
 * WORK ENDPOINT BUCKET BYTES`. Prints what it took as JSON.
 */
import { S3FileSystem } from "../../dist/adapters/s3/s3-file-system.js";
import { configOf } from "../kit/s3-server.js";
import { at } from "../storage/store.js";

const MEBIBYTE = 1024 * 1024;
const CHUNK = 64 * 1024;
const [work = "", endpoint = "", bucket = "", bytes = "0"] = process.argv.slice(2);
const size = Number(bytes);
// Every request of its own: keep-alive and retries as by default.
const store = new S3FileSystem({
  bucket,
  client: configOf(endpoint),
  ...(work === "many" && { partSize: 5 * MEBIBYTE }),
});

async function upload(path: string, total: number): Promise<void> {
  const handle = await store.openWrite(at(path), { mode: "replace" });
  // As sockets bring them: a new buffer each time.
  for (let sent = 0; sent < total; sent += CHUNK)
    await handle.write([Buffer.allocUnsafeSlow(Math.min(CHUNK, total - sent)).fill(1)]);
  await handle.commit();
}

async function download(path: string): Promise<number> {
  await using handle = await store.openRead(at(path));
  let read = 0;
  for await (const chunk of handle.body) read += chunk.length;
  return read;
}

async function listed(): Promise<number> {
  let count = 0;
  for await (const entry of store.list(at("/"))) count += entry.name.length > 0 ? 1 : 0;
  return count;
}

const WORKS: Readonly<Record<string, () => Promise<number>>> = {
  up: async () => {
    await upload("/large", size);
    return size;
  },
  down: () => download("/large"),
  many: async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => upload(`/many/${index}`, size)));
    return 50;
  },
  list: listed,
};

await upload("/warm", 1000);
await download("/warm");
const idle = process.memoryUsage.rss();
const begun = performance.now();
const result = await WORKS[work]?.();
const peak = process.resourceUsage().maxRSS * 1024;
store.close();
process.stdout.write(JSON.stringify({ result, above: peak - idle, seconds: (performance.now() - begun) / 1000 }));
