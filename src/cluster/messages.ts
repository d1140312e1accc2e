/** What workers and their primary say to each other of an `AdmissionStore`: plain data, for `node:cluster`. */

/** One operation of an `AdmissionStore`: its name and its arguments. */
export type Operation =
  | readonly [name: "get", key: string]
  | readonly [name: "increment", key: string, by: number, milliseconds: number]
  | readonly [name: "expire", key: string, milliseconds: number];

/** What a worker asks: all that has come together in one turn. */
export interface Asked {
  readonly portside: "admission";
  readonly id: number;
  readonly operations: readonly Operation[];
}

/** What the primary answers, in the order of the operations: a number, or what went wrong. */
export interface Answered {
  readonly portside: "admission";
  readonly id: number;
  readonly results: readonly (number | string)[];
}

/** Whether a message is such a question; a host may send others. */
export function isAsked(message: unknown): message is Asked {
  return isOurs(message) && "operations" in message;
}

/** Whether a message is such an answer; a host may send others. */
export function isAnswered(message: unknown): message is Answered {
  return isOurs(message) && "results" in message;
}

function isOurs(message: unknown): message is object {
  return (message as Partial<Asked> | null | undefined)?.portside === "admission";
}
