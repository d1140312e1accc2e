/** Figures as text: one row for each of them, one column for each server, portside first. */
import type { Sample } from "./measuring.js";
import type { Scenario } from "./scenarios.js";

/** All rounds of a scenario on a server, or why there are none. */
export interface Result {
  readonly server: string;
  readonly samples: readonly Sample[];
  readonly failure: string | undefined;
}

const COLUMN = 20;

/** One figure of a sample. */
interface Aspect {
  readonly label: string;
  of(sample: Sample): number | undefined;
}

const ASPECTS: readonly Aspect[] = [
  { label: "p99 ms", of: ({ p99 }) => p99 },
  { label: "first byte ms", of: ({ firstByte }) => firstByte },
  { label: "slowest : mean", of: ({ spread }) => spread },
  { label: "KiB a session", of: ({ perSession }) => perSession },
];

/** A line with a cell for each server. */
export function row(name: string, label: string, cells: readonly string[]): string {
  return [name.padEnd(16), label.padEnd(16), ...cells.map((text) => text.padStart(COLUMN))].join("").trimEnd();
}

/** What a scenario has shown: rates, CPU, and whatever else there is. */
export function rows(scenario: Scenario, results: readonly Result[]): string[] {
  const cost = scenario.unit === "MB" ? "CPU s a GB" : "CPU s a 1,000";
  const repeats = "milliseconds" in scenario.job && scenario.job.milliseconds > 0;
  const shown = ASPECTS.filter(({ label }) => repeats || !label.startsWith("p99"));
  const lines = [
    row(scenario.name, `${scenario.unit}/s`, ratesOf(results)),
    row("", "  min - max", results.map(rangeOf)),
    row(
      "",
      cost,
      cellsOf(results, ({ cpu }) => cpu),
    ),
  ];
  for (const { label, of } of shown)
    if (results.some(({ samples }) => samples.some((sample) => of(sample) !== undefined)))
      lines.push(row("", label, cellsOf(results, of)));
  if (results.some(({ samples }) => samples.some(({ errors }) => errors > 0)))
    lines.push(
      row(
        "",
        "errors",
        results.map(({ samples }) => number(samples.reduce((sum, { errors }) => sum + errors, 0))),
      ),
    );
  return lines;
}

/** How many times what one process does the workers do together. */
export function scaling(results: readonly Result[], workers: string): string | undefined {
  const [one, many] = [results[0], results.find(({ server }) => server === workers)].map((result) => rateOf(result));
  return one === undefined || many === undefined ? undefined : (many / one).toFixed(2);
}

function rateOf(result: Result | undefined): number | undefined {
  return median(result?.samples.map(({ rate }) => rate) ?? []);
}

function cellsOf(results: readonly Result[], of: (sample: Sample) => number | undefined): string[] {
  const medians = results.map(({ samples }) => median(samples.map(of).filter((value) => value !== undefined)));
  return results.map(({ failure }, index) => {
    const [figure, first] = [medians[index], medians[0]];
    if (figure === undefined) return failure ?? "-";
    const ratio = index === 0 || first === undefined ? "" : ` (${(figure / first).toFixed(2)})`;
    return `${number(figure)}${ratio}`;
  });
}

/** With a mark where TYPE A was ignored. */
function ratesOf(results: readonly Result[]): string[] {
  const isRaw = ({ samples }: Result): boolean => samples.some(({ raw }) => raw);
  const cells = cellsOf(results, ({ rate }) => rate);
  return results.map((result, index) => `${isRaw(result) ? "raw " : ""}${cells[index]}`);
}

function rangeOf({ samples }: Result): string {
  if (samples.length === 0) return "";
  const rates = samples.map(({ rate }) => rate);
  return `${number(Math.min(...rates))} - ${number(Math.max(...rates))}`;
}

/** The one in the middle; `undefined` of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** With three digits that count, or all of a large one. */
export function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
