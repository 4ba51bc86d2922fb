import assert from "node:assert/strict";
import { fitText } from "./fit_text.ts";

/** As in common fonts: an `i` is narrow, an `m` is wide. */
const measure = (text: string) => [...text].reduce((sum, one) => sum + (one === "i" ? 4 : 12), 0);

const cases: Readonly<Record<string, readonly [text: string, width: number, shown: string]>> = {
  "a text that fits": ["auth", 48, "auth"],
  "a text that is a little too wide": ["mmmm", 47, "mm…"],
  "narrow letters": ["iiiiiiii", 32, "iiiiiiii"],
  "a width for nothing": ["auth", 5, "…"],
  "no text": ["", 0, ""],
};

for (const [what, [text, width, shown]] of Object.entries(cases)) {
  Deno.test(`${what} is shown as "${shown}"`, () => {
    assert.equal(fitText(text, width, measure), shown);
  });
}
