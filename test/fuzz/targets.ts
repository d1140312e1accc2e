/** Everything that is fuzzed. */
import { DIALOGUE_TARGETS } from "./dialogues.js";
import { GRAMMAR_TARGETS } from "./grammars.js";
import { LINE_TARGETS } from "./lines.js";
import { PROXY_TARGETS } from "./proxies.js";
import type { Target } from "./target.js";
import { TEXT_TARGETS } from "./texts.js";

/** All targets, the cheap ones first. */
export const TARGETS: readonly Target[] = [
  ...LINE_TARGETS,
  ...TEXT_TARGETS,
  ...PROXY_TARGETS,
  ...GRAMMAR_TARGETS,
  ...DIALOGUE_TARGETS,
];
