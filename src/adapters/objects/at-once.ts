/** The same work for many items, a few of them at a time. */

/**
 * Does the work for each item. After a failure nothing more is begun; rejects with the first one when all that was
 * begun has come to its end.
 * @param atOnce how many at a time
 */
export async function eachAtOnce<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const failures: { readonly error: unknown }[] = [];
  const worker = async (): Promise<void> => {
    while (failures.length === 0) {
      const next = queue.next();
      if (next.done) return;
      await work(next.value).catch((error: unknown) => void failures.push({ error }));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures[0] !== undefined) throw failures[0].error;
}
