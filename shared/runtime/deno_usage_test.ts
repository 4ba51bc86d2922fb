import assert from "node:assert/strict";
import { evaluateArguments } from "./deno_terminal.ts";

const usage = "Usage: deno task events:verify [--repair] [--wait <seconds>]";
const more = "deno task events:verify --help shows what it takes";

const cases = {
  "nothing": [[], undefined],
  "an option of the task": [["--repair"], undefined],
  "an option with a value": [["--wait", "60"], undefined],
  "an option with its value in one": [["--wait=60"], undefined],
  "a word": [["word"], undefined],
  "a number below zero": [["-1"], undefined],
  "--help": [["--help"], { text: usage, code: 0 }],
  "-h behind something wrong": [["--nonsense", "-h"], { text: usage, code: 0 }],
  "an unknown option": [["--dry-run"], { text: `Unknown option --dry-run; ${more}`, code: 2 }],
  "the beginning of an option": [["--rep"], { text: `Unknown option --rep; ${more}`, code: 2 }],
  "a word too many": [["word", "other"], { text: `Unexpected argument other; ${more}`, code: 2 }],
} as const;
for (const [what, [args, expected]] of Object.entries(cases)) {
  Deno.test(`a task called with ${what} ${expected ? "prints and ends" : "does its work"}`, () => {
    assert.deepEqual(evaluateArguments(args, { usage, maxWords: 1 }), expected);
  });
}
