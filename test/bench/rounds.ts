/** All rounds of one scenario: every server once in each, one after the other, and another one first each time. */
import type { Ground } from "./ground.js";
import { Load } from "./load.js";
import { measure, type Sample } from "./measuring.js";
import { Running } from "./running.js";
import type { Scenario } from "./scenarios.js";
import type { Contender } from "./servers.js";
import type { Result } from "./table.js";

/** What does not change while the benchmark runs. */
export interface Setting {
  readonly contenders: readonly Contender[];
  readonly ground: Ground;
  readonly rounds: number;
  readonly loads: number;
}

/** One server in one scenario. */
class Entrant implements AsyncDisposable {
  readonly contender: Contender;
  readonly samples: Sample[] = [];
  failure: string | undefined;
  #server: Running | undefined;

  constructor(contender: Contender) {
    this.contender = contender;
  }

  /** Once; a server that has failed is left alone. @param counted whether it is more than a warm-up */
  async run(scenario: Scenario, { ground }: Setting, load: Load, counted: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      this.#server ??= await Running.start(this.contender, ground, { tls: scenario.tls, idle: scenario.job.idle });
      const sample = await measure(scenario, this.#server, load, ground);
      if (counted) this.samples.push(sample);
      if (sample.errors > 0) this.#complain(scenario, `${sample.errors} errors, first: ${sample.complaint}`);
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      this.failure = /^50[0-4] /.test(complaint) ? "unsupported" : "failed";
      this.#complain(scenario, complaint);
    }
    if (scenario.fresh || this.failure !== undefined) await this[Symbol.asyncDispose]();
  }

  #complain({ name }: Scenario, complaint: string): void {
    console.error(`${this.contender.name}, ${name}: ${complaint}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }
}

/** Starts the servers, lets each do it once uncounted, and then so often. */
export async function playRounds(scenario: Scenario, setting: Setting): Promise<Result[]> {
  const { contenders, ground, rounds, loads } = setting;
  scenario.prepare(ground);
  const entrants = contenders.map((contender) => new Entrant(contender));
  using load = new Load(loads);
  try {
    for (let round = scenario.fresh ? 1 : 0; round <= rounds; round++)
      for (let turn = 0; turn < entrants.length; turn++)
        await entrants[(turn + round) % entrants.length]?.run(scenario, setting, load, round > 0);
  } finally {
    for (const entrant of entrants) await entrant[Symbol.asyncDispose]();
  }
  return entrants.map(({ contender, samples, failure }) => ({ server: contender.name, samples, failure }));
}
