/** What stores do on bad days, in one vocabulary for all of them. Knows no FTP and no adapter. */
import type { FakeFault, FakeRule } from "../kit/gcs-fake.js";
import type { FakeCall, Fault as S3Fault } from "../kit/s3-fake.js";

/** All of them. */
export const TROUBLES = ["stalls", "hangs", "dies", "throttles", "loses", "breaks", "shortens"] as const;

/**
 * What becomes of a request: nothing is ever answered; the answer stops and the connection stays; the connection goes
 * before anything is done; it is refused with 503; all is done but the answer is lost; the answer breaks off; it ends too
 * early without saying so, as far as that can be made.
 */
export type Trouble = (typeof TROUBLES)[number];

/** A request that goes wrong. */
export interface Spoiled {
  readonly trouble: Trouble;
  /** Bytes of the answer that still come where it is cut. */
  readonly at: number;
}

/** Asked before each request, with its number from 0. */
export type Plan = (index: number) => Trouble | undefined;

/** A store's switch. */
export class TroubleMaker {
  /** Requests since the plan was made. */
  count = 0;
  #plan: Plan = () => undefined;
  #at = 0;

  /** Begins to count, and to spoil what the plan says. @param at bytes of answers that still come where they are cut */
  begin(plan: Plan, at = 7): void {
    this.count = 0;
    this.#plan = plan;
    this.#at = at;
  }

  /** All goes well from now on. */
  end(): void {
    this.#plan = () => undefined;
  }

  /** What becomes of the next request. */
  next(): Spoiled | undefined {
    const trouble = this.#plan(this.count++);
    return trouble && { trouble, at: this.#at };
  }
}

/** Of S3: answers that have no bytes of which some could be missing. */
const EMPTY = ["HeadObject", "PutObject", "UploadPart", "DeleteObject", "AbortMultipartUpload"];

/** For the fake of S3. A HEAD has no bytes that could be too few: it breaks off. */
export function s3Fault(maker: TroubleMaker, { operation }: FakeCall): S3Fault | undefined {
  const spoiled = maker.next();
  if (spoiled === undefined) return undefined;
  const { trouble, at } = spoiled;
  const faults: Readonly<Record<Trouble, S3Fault>> = {
    dies: { fault: "drop", at: 0 },
    stalls: { fault: "stall" },
    hangs: EMPTY.includes(operation) ? { fault: "lose" } : { fault: "hang", at },
    throttles: { fault: "refuse", status: 503, code: "SlowDown" },
    loses: { fault: "lose" },
    breaks: { fault: "break", at },
    shortens: { fault: operation === "HeadObject" ? "break" : "shorten", at },
  };
  return faults[trouble];
}

/** For the fake of Google Cloud Storage: a rule that is asked anew at each request. */
export function gcsRule(maker: TroubleMaker): FakeRule {
  let spoiled: Spoiled | undefined;
  return {
    on: "any",
    get fault() {
      spoiled = maker.next();
      return gcsFault(spoiled);
    },
    get times() {
      return spoiled === undefined ? 0 : Number.POSITIVE_INFINITY;
    },
  };
}

function gcsFault({ trouble, at }: Spoiled = { trouble: "dies", at: 0 }): FakeFault {
  const faults: Readonly<Record<Trouble, FakeFault>> = {
    dies: { kind: "drop" },
    stalls: { kind: "stall" },
    hangs: { kind: "hang", bytes: at },
    throttles: { kind: "status", status: 503 },
    loses: { kind: "lost" },
    breaks: { kind: "cut", bytes: at },
    shortens: { kind: "short", bytes: 300_000 },
  };
  return faults[trouble];
}
