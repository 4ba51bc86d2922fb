import assert from "node:assert/strict";
import { readTokenRefusal } from "./token_refusals.ts";

const line = (message: string, fields: Readonly<Record<string, unknown>>) => ({
  time: 1,
  level: "error",
  service: "gateway",
  traceId: null,
  spanId: null,
  message,
  fields,
});
const completed = line("Request completed", { tokenRefusal: "too_large" });

Deno.test("a Passport that is too large is told from a token that is, with its size", () => {
  const fault = line("Passport is too large", { bytes: 6404, largestClaims: ["roles", "ext"] });
  const ofPassport = readTokenRefusal({ spans: [], logs: [fault, completed] });
  assert.match(ofPassport?.meaning ?? "", /6404 bytes, its largest claims roles, ext$/);
  assert.match(ofPassport?.remedy ?? "", /a higher maxTokenBytes does not help$/);
  const unknown = readTokenRefusal({ spans: [], logs: [completed] });
  assert.match(unknown?.remedy ?? "", /^deno task token shows which\. /);
});
