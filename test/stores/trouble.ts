/** What stores do on bad days, in one vocabulary for all of them. Knows no FTP and no adapter. */
import type { Decide, Fault as ProxyFault } from "../adapters/azure-proxy.js";
import type { FakeFault, FakeRule } from "../kit/gcs-fake.js";
import type { FakeCall, Fault as S3Fault } from "../kit/s3-fake.js";

/** All of them. */
export const TROUBLES = ["dies", "stalls", "throttles", "loses", "breaks", "shortens"] as const;

/**
 * What becomes of a request: its connection goes before anything is done; nothing is ever answered; it is refused with 503;
 * all is done but the answer is lost; the answer breaks off; it ends too early without saying so, as far as that can be made.
 */
export type Trouble = (typeof TROUBLES)[number];

/** Asked before each request, with its number from 0. */
export type Plan = (index: number) => Trouble | undefined;

/** A store's switch. */
export class TroubleMaker {
  /** Requests since the plan was made. */
  count = 0;
  #plan: Plan = () => undefined;

  /** Begins to count, and to spoil what the plan says. */
  begin(plan: Plan): void {
    this.count = 0;
    this.#plan = plan;
  }

  /** All goes well from now on. */
  end(): void {
    this.#plan = () => undefined;
  }

  /** What becomes of the next request. */
  next(): Trouble | undefined {
    return this.#plan(this.count++);
  }
}

const S3: Readonly<Record<Trouble, S3Fault>> = {
  dies: { fault: "drop", at: 0 },
  stalls: { fault: "stall" },
  throttles: { fault: "refuse", status: 503, code: "SlowDown" },
  loses: { fault: "lose" },
  breaks: { fault: "break", at: 7 },
  shortens: { fault: "shorten", at: 7 },
};

/** For the fake of S3. A HEAD has no bytes that could be too few: it breaks off. */
export function s3Fault(maker: TroubleMaker, { operation }: FakeCall): S3Fault | undefined {
  const trouble = maker.next();
  return trouble && S3[trouble === "shortens" && operation === "HeadObject" ? "breaks" : trouble];
}

const GCS: Readonly<Record<Trouble, FakeFault>> = {
  dies: { kind: "drop" },
  stalls: { kind: "stall" },
  throttles: { kind: "status", status: 503 },
  loses: { kind: "lost" },
  breaks: { kind: "cut", bytes: 7 },
  shortens: { kind: "short", bytes: 300_000 },
};

/** For the fake of Google Cloud Storage: a rule that is asked anew at each request. */
export function gcsRule(maker: TroubleMaker): FakeRule {
  let trouble: Trouble | undefined;
  return {
    on: "any",
    get fault() {
      trouble = maker.next();
      return GCS[trouble ?? "dies"];
    },
    get times() {
      return trouble === undefined ? 0 : Number.POSITIVE_INFINITY;
    },
  };
}

/** A proxy cannot lie about a length. */
const PROXY: Readonly<Record<Trouble, ProxyFault>> = {
  dies: { drop: "request" },
  stalls: { stall: true },
  throttles: { status: 503, code: "ServerBusy" },
  loses: { drop: "answer" },
  breaks: { drop: 7 },
  shortens: { drop: 7 },
};

/** For a proxy before a real store. */
export function proxyFault(maker: TroubleMaker): Decide {
  return () => {
    const trouble = maker.next();
    return trouble && PROXY[trouble];
  };
}
