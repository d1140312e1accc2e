/** What is mostly there at once: to wait for it all the same would cost more than many a command does. Knows nothing of FTP. */

/** At once, or when it has come. */
export type Awaitable<Value> = Value | Promise<Value>;

/** Goes on with a value: at once where it is there. @throws what `goOn` does, and the promise rejects with what either does */
export function following<Value, Result>(
  value: Awaitable<Value>,
  goOn: (value: Value) => Awaitable<Result>,
): Awaitable<Result> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
