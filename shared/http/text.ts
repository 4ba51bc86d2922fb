import { z } from "@hono/zod-openapi";

// deno-lint-ignore no-control-regex -- control characters are what these refuse
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// deno-lint-ignore no-control-regex -- tab and line breaks belong to prose, the others do not
const controlsInProse = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** One line of user text, trimmed and without control characters, safe for terminals and logs. */
export function line(maxLength: number) {
  return z.string().trim().min(1).max(maxLength).refine(
    (text) => !controls.test(text) && text.isWellFormed(),
    "Must be one line of text",
  );
}

/** User text of several lines, not trimmed and not blank. */
export function prose(maxLength: number) {
  return z.string().min(1).max(maxLength).refine(
    (text) => text.trim() !== "" && !controlsInProse.test(text) && text.isWellFormed(),
    "Must be text",
  );
}
