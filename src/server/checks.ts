/** The checks of single options: each names the option, its unit and its range in the error. */

/** An integer within a range. @throws TypeError, RangeError */
export function integer(
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
  max: number,
  unit = "",
): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number")
    throw new TypeError(`${name} must be a number${unit && ` of${unit}`}, not ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${name} must be an integer from ${min} to ${max}${unit}, not ${value}`);
  return value;
}

/** Node fires timers beyond this at once. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** A time; 0 switches it off. @throws TypeError, RangeError */
export function milliseconds(name: string, value: number | undefined, fallback: number): number {
  return integer(name, value, fallback, 0, MAX_TIMEOUT, " milliseconds");
}

/** A value of a type, or none. @throws TypeError */
export function optional<Value extends string | boolean>(
  name: string,
  value: Value | undefined,
  type: "string" | "boolean",
): Value | undefined {
  if (value !== undefined && typeof value !== type)
    throw new TypeError(`${name} must be a ${type}, not ${typeof value}`);
  return value;
}

/** One of a few values. @throws TypeError */
export function oneOf<Value extends string>(name: string, value: Value, allowed: readonly Value[]): Value {
  if (!allowed.includes(value)) throw new TypeError(`${name} must be one of ${allowed.join(", ")}, not ${value}`);
  return value;
}

/** Options are an object whose every key means something. @throws TypeError */
export function known(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw new TypeError(`${name || "options"} must be an object`);
  for (const key of Object.keys(options)) {
    if (!keys.includes(key))
      throw new TypeError(`unknown option ${name && `${name}.`}${key}; known are ${keys.join(", ")}`);
  }
}
