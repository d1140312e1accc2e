/** The clock of the process, for tests of what takes minutes. */
import { mock } from "node:test";

/** A clock that only moves when it is told to. */
export function clock(): { forward(milliseconds: number): void } & Disposable {
  let now = 1_000_000;
  const stub = mock.method(performance, "now", () => now);
  return {
    forward: (milliseconds) => {
      now += milliseconds;
    },
    [Symbol.dispose]: () => stub.mock.restore(),
  };
}
