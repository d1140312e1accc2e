/**
 * Every grammar of the tables of commands, and what they are made of: whatever a client writes becomes a value, or
 * nothing, or an FtpError, and soon.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { STANDARD_ROWS, STANDARD_SITE_ROWS } from "../../dist/commands/table.js";
import { defineCommand, FtpError } from "../../dist/index.js";
import type { AnyCommand } from "../../dist/session/command.js";
import type { Dialogue } from "../../dist/session/dialogue.js";
import { serve } from "../kit/serve.js";
import { ARGUMENT } from "./arbitraries.js";
import { fuzz, promptly, type Target } from "./target.js";

const ROWS: readonly AnyCommand<Dialogue>[] = [...STANDARD_ROWS, ...STANDARD_SITE_ROWS];

/** What is behind the verb; without a space there is nothing. */
const LINE = fc.record({
  row: fc.constantFrom(...ROWS),
  text: fc.option(ARGUMENT, { nil: undefined, freq: 50 }),
});

type Line = typeof LINE extends fc.Arbitrary<infer Value> ? Value : never;

function checkParse({ row, text }: Line, dialogue: Dialogue): void {
  const parsed = promptly(`the argument of ${row.verb}`, () => attempt(() => row.argument.parse(text, dialogue)));
  if (parsed !== undefined) assert(Object.hasOwn(parsed, "value"), `${row.verb} understood something else`);
  const { secret, duringTransfer } = row;
  if (typeof secret === "function") assert.equal(typeof promptly("secret", () => secret(text, dialogue)), "boolean");
  if (typeof duringTransfer === "function")
    assert.equal(typeof promptly("duringTransfer", () => duringTransfer(text)), "boolean");
}

/** What an attempt gives; `undefined` where it throws what the dialogue answers. Anything else it throws is a fault. */
function attempt<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof FtpError) return undefined;
    throw error;
  }
}

/** The grammars as a session uses them: with the dialogue of a client that has logged in. */
export const GRAMMAR_TARGETS: readonly Target[] = [
  {
    name: "grammars of all commands",
    weight: 3,
    async fuzz(turn) {
      const dialogues: Dialogue[] = [];
      const seize = defineCommand({
        verb: "SEIZE",
        source: "this test",
        summary: "give the test what grammars get",
        replies: [501],
        needs: ["login"],
        run: (context) => {
          dialogues.push(context as Dialogue);
          throw new FtpError("BAD_PATH", "seized");
        },
      });
      await using served = await serve({ commands: [seize] });
      await (await served.user()).expect("SEIZE", 501);
      return await fuzz(LINE, async (line) => checkParse(line, dialogues[0] as Dialogue), turn);
    },
  },
];
