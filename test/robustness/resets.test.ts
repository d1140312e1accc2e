/** Transfers struck down at each stage, on each channel, in each way: nothing is left and nobody else notices. */
import { describe, test } from "node:test";
import { type DataMode, modesOf } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { localFolder } from "./kit-local.js";
import { assertPortsAreBack, countPassivePorts, tenPorts } from "./kit-ports.js";
import { applies, type Field, prepareField, STAGES, strike, type Verb, WAYS } from "./kit-resets.js";
import { Witness } from "./kit-witness.js";

for (const host of ["127.0.0.1", "::1"])
  describe(`on ${host}`, () => {
    for (const mode of modesOf(host))
      for (const verb of ["RETR", "STOR", "APPE", "LIST"] as const)
        test(`S18.1 S12.8 S12.10 ${verb} over ${mode}: every stage, every way`, () => suite(host, mode, verb));
  });

async function suite(host: string, mode: DataMode, verb: Verb): Promise<void> {
  await using folder = await localFolder();
  const store = await prepareField(folder);
  await assertNoLeaks(async () => {
    await using free = await tenPorts();
    await using served = await serve({ host, fileSystem: store, passive: { ports: free.range } });
    const ports = await countPassivePorts(served);
    await strikeEverywhere({ folder, served, store }, mode, verb);
    await assertPortsAreBack(served, ports);
  });
  await folder.assertCanary();
}

async function strikeEverywhere(field: Field, mode: DataMode, verb: Verb): Promise<void> {
  await using witness = await Witness.begin(field.served, field.store);
  for (const stage of STAGES)
    for (const way of WAYS.filter((one) => applies({ verb, stage, way: one })))
      await strike(field, { mode, verb, stage, way }).catch((cause: unknown) => {
        throw new Error(`${stage}, ${way}: ${String(cause)}`, { cause });
      });
  await witness.assertUnharmed();
}
