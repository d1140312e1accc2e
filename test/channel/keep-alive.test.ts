/** The system is asked to watch connections that last, and those alone. */
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { KeepAlive } from "../../dist/channel/keep-alive.js";
import { until } from "../kit/temporary.js";

/** A socket that says what the system is asked for. */
class Watched extends net.Socket {
  readonly asked: (readonly [enable: boolean | undefined, delay: number | undefined])[] = [];

  override setKeepAlive(enable?: boolean, delay?: number): this {
    this.asked.push([enable, delay]);
    return this;
  }
}

test("a connection that lasts is watched, once, and one that is closed meanwhile is not", async () => {
  const keepAlive = new KeepAlive(5);
  const [lasting, brief, aging] = [new Watched(), new Watched(), new Watched()];
  for (const socket of [lasting, brief, aging]) keepAlive.watch(socket);
  keepAlive.forget(brief);
  assert.deepEqual(lasting.asked, []);
  await until(() => lasting.asked.length > 0);
  assert.deepEqual(lasting.asked, [[true, 60_000]]);
  const later = new Watched();
  keepAlive.watch(later);
  await until(() => later.asked.length > 0);
  assert.deepEqual([lasting.asked.length, aging.asked.length, brief.asked.length], [1, 1, 0]);
});
