/** The text format of Prometheus 0.0.4, read as strictly as promtool does. Knows nothing of FTP. */
import assert from "node:assert/strict";

export interface Family {
  readonly help: string;
  readonly type: string;
  /** By name and labels as they stand, e.g. `a_total{b="c"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const SAMPLE = new RegExp(`^((${NAME})(?:\\{((?:${NAME}="(?:[^"\\\\\\n]|\\\\[\\\\n"])*",?)*)\\})?) (\\S+)$`);

/**
 * Families by name.
 * @throws AssertionError for what is not well formed, and for what promtool warns of
 */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  assert(text.endsWith("\n"), "the last line ends too");
  const families = new Map<string, Family & { readonly samples: Map<string, number> }>();
  let current = "";
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, kind, name = "", rest = ""] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (kind === "HELP") {
      assert(!families.has(name), `${name} comes twice`);
      families.set(name, { help: rest, type: "", samples: new Map() });
      current = name;
    } else if (kind === "TYPE") {
      assert.equal(name, current, "TYPE follows its HELP");
      assert.match(rest, /^(?:counter|gauge|histogram)$/);
      families.set(name, { ...families.get(name)!, type: rest });
    } else {
      const [, series = "", base = "", , value = ""] = SAMPLE.exec(line) ?? assert.fail(`not a sample: ${line}`);
      const { samples, type } = families.get(current) ?? assert.fail(`before any family: ${line}`);
      const suffix = base.slice(current.length);
      assert(base.startsWith(current) && (type === "histogram" ? /^_(?:bucket|sum|count)$/ : /^$/).test(suffix), line);
      assert(!samples.has(series), `${series} comes twice`);
      assert(Number.isFinite(Number(value)), line);
      samples.set(series, Number(value));
    }
  }
  for (const [name, family] of families) check(name, family);
  return families;
}

function check(name: string, { type, help, samples }: Family): void {
  assert.notEqual(help, "", name);
  assert.doesNotMatch(name, /milli|_(?:ms|kb|minutes)(?:_|$)/, "base units");
  assert.equal(name.endsWith("_total"), type === "counter", `${name}: counters end in _total, nothing else does`);
  if (type !== "gauge") for (const [series, value] of samples) assert(value >= 0, `${series} ${value}`);
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  const counts = [...samples].filter(([series]) => series.startsWith(`${name}_count`));
  for (const [series, count] of counts) {
    const own = series.slice(`${name}_count{`.length, -1);
    const buckets = [...samples].filter(([bucket]) => bucket.startsWith(`${name}_bucket`) && bucket.includes(own));
    const bounds = buckets.map(([bucket]) => Number(/le="([^"]+)"/.exec(bucket)?.[1]?.replace("+Inf", "Infinity")));
    assert.deepEqual(
      bounds,
      [...new Set(bounds)].toSorted((a, b) => a - b),
      "bounds rise",
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const values = buckets.map(([, value]) => value);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      "buckets are cumulative",
    );
    assert.equal(values.at(-1), count, "the last bucket holds all");
    assert(samples.has(series.replace("_count", "_sum")), "there is a sum");
  }
}
