/**
 * S18.1, S12.9: random clients over a store with random faults. Nobody gets a reply too many or too few, nothing
 * partial is ever in the root, nothing outside is touched, and in the end nothing is left.
 */
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FileSystemError, LocalFileSystem, type Session, type SessionFact } from "../../dist/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { ChaosClient } from "./kit-chaos-client.js";
import { assertWhole } from "./kit-chaos-files.js";
import { type Fault, FaultStore, hanging, type Plan, rejecting, throwing } from "./kit-fault-store.js";
import { localFolder } from "./kit-local.js";
import { assertPortsAreBack, countPassivePorts, tenPorts } from "./kit-ports.js";
import { Random } from "./kit-random.js";
import { Witness } from "./kit-witness.js";

/** Set PORTSIDE_SEED to repeat a run. */
const SEED = Number(process.env.PORTSIDE_SEED ?? Date.now() % 1_000_000);
const CLIENTS = 120;
const AT_ONCE = 8;
const STEPS = 25;

test(`S18.1 S12.9 random clients, random faults, seed ${SEED}`, async () => {
  await using folder = await localFolder();
  await symlink(folder.outside, join(folder.root, "out"));
  await symlink("..", join(folder.root, "up"));
  const store = new FaultStore(new LocalFileSystem(folder.root));
  const codes = new Map<number, number>();
  await assertNoLeaks(async () => {
    await using free = await tenPorts();
    await using served = await serve(
      { fileSystem: store, dataTimeout: 300, stallTimeout: 500, hookTimeout: 200, passive: { ports: free.range } },
      (server) => server.on("reply", ({ code }) => codes.set(code, (codes.get(code) ?? 0) + 1)),
    );
    const ports = await countPassivePorts(served);
    await rage(served, store);
    await until(() => store.open === 0, undefined, "the store's handles are closed");
    await assertPortsAreBack(served, ports);
  });
  await folder.assertCanary();
  await assertWhole(folder.root);
  // Chance has been everywhere, or this proves little.
  for (const code of [226, 250, 257, 350, 421, 425, 426, 451, 500, 501, 503, 530, 550, 553])
    assert((codes.get(code) ?? 0) >= 3, `code ${code} came ${codes.get(code) ?? 0} times`);
});

async function rage(served: Served, store: FaultStore): Promise<void> {
  await using witness = await Witness.begin(served, store);
  const random = new Random(SEED);
  store.plan = randomFaults(random);
  const [spared] = served.server.sessions;
  // The host sends somebody away now and then.
  const sendAway = ({ session }: SessionFact<Session>): void => {
    if (session !== spared && random.chance(0.003)) session.close("chaos");
  };
  served.server.on("reply", sendAway);
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (let index = worker; index < CLIENTS; index += AT_ONCE)
        await new ChaosClient(await ScriptedClient.connect(served.port), new Random(SEED + index)).live(STEPS);
    }),
  );
  store.plan = () => undefined;
  served.server.off("reply", sendAway);
  await until(() => served.server.sessions.length === 1, 20_000, "only the witness is left");
  await witness.assertUnharmed();
}

/** One operation in a hundred fails, or takes its time; none of the witness. */
function randomFaults(random: Random): Plan {
  const faults: readonly Fault[] = [
    throwing(new Error("chaos")),
    rejecting(new Error("chaos")),
    rejecting(undefined),
    rejecting(new FileSystemError("EBUSY", "/")),
    rejecting(new FileSystemError("ENOSPC", "/")),
    () => new Promise((resolve) => setTimeout(resolve, 20)),
    // Nobody has to abort a transfer whose store hangs: this one gives up in the end.
    (signal) => Promise.race([hanging(signal), new Promise((_resolve, reject) => setTimeout(reject, 300))]),
  ];
  return (operation, path) => {
    // What the contract forbids is for other tests: cleaning up never fails.
    if (path.startsWith("/witness") || operation === "close" || operation === "abort" || operation === "list")
      return undefined;
    return random.chance(0.01) ? random.pick(faults) : undefined;
  };
}
