/** Directories in S3: how they stay, go, and move with all that is in them. */
import assert from "node:assert/strict";
import { asked, objectsOf, withFake } from "../kit/s3-subject.js";
import { at, names, put, refused, text } from "../storage/store.js";

withFake(
  "directories may vanish with their last entry, where that is wanted",
  { keepEmptyDirectories: false },
  async ({ store, fake }) => {
    await put(store, "/d/a", "x");
    await put(store, "/e/a", "x");
    assert.equal(await asked(fake, () => store.remove(at("/d/a"))), "DeleteObject HeadObject");
    await store.rename(at("/e/a"), at("/b"));
    assert.deepEqual(await names(store), ["b"]);
  },
);

withFake("a directory whose renaming broke off is renamed on, and only there", { maxRename: 10 }, async (subject) => {
  const { store, fake } = subject;
  for (const name of ["a", "b", "c", "e/f"]) await put(store, `/d/${name}`, name);
  const refuse = (at: string) => {
    fake.fault = ({ operation }) =>
      operation === at ? { fault: "refuse", status: 403, code: "AccessDenied" } : undefined;
  };
  refuse("CopyObject");
  await refused("EACCES", store.rename(at("/d"), at("/m")));
  assert.deepEqual(await names(store, "/d"), ["a", "b", "c", "e"], "all sources are there");
  refuse("none");
  await store.makeDirectory(at("/other"));
  await refused("EEXIST", store.rename(at("/d"), at("/other")), "/other");
  refuse("DeleteObject");
  await refused("EACCES", store.rename(at("/d"), at("/m")));
  refuse("none");
  await store.rename(at("/d"), at("/m"));
  assert.deepEqual(await names(store), ["m", "other"]);
  assert.deepEqual(await names(store, "/m"), ["a", "b", "c", "e"]);
  assert.equal(await text(store, "/m/e/f"), "e/f");
});

withFake(
  "a renaming that broke off does not go into a directory that was made anew",
  { maxRename: 10 },
  async ({ store, fake }) => {
    await put(store, "/d/a", "x");
    fake.fault = ({ operation }) =>
      operation === "CopyObject" ? { fault: "refuse", status: 403, code: "AccessDenied" } : undefined;
    await refused("EACCES", store.rename(at("/d"), at("/m")));
    fake.fault = () => undefined;
    await store.removeDirectory(at("/m"));
    await put(store, "/m/theirs", "y");
    await refused("EEXIST", store.rename(at("/d"), at("/m")), "/m");
  },
);

withFake("too much is not renamed, and nothing of it is touched", { maxRename: 2 }, async (subject) => {
  const { store, fake } = subject;
  for (const name of ["a", "b", "c"]) await put(store, `/d/${name}`, name);
  const before = [...objectsOf(subject)];
  assert.equal(
    await asked(fake, () => refused("ENOSYS", store.rename(at("/d"), at("/m")), "/d")).then((all) =>
      /Put|Copy|Delete/.test(all),
    ),
    false,
  );
  assert.deepEqual([...objectsOf(subject)], before);
  await store.remove(at("/d/c"));
  await store.rename(at("/d"), at("/m"));
  assert.deepEqual(await names(store, "/m"), ["a", "b"]);
});
