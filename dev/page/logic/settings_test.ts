import assert from "node:assert/strict";
import type { Attributes, ConfigurationVersion } from "../api_types.ts";
import { listSections } from "./settings.ts";

function inForce(document: Attributes): ConfigurationVersion {
  const change = { changedAt: 1, changedBy: "somebody", comment: null, changed: [] };
  return { version: 3, ...change, document };
}

const base = [
  { path: "gateway.logLevel", name: "LOG_LEVEL", value: "info" },
  { path: "gateway.passportTtlSeconds", name: "PASSPORT_TTL_SECONDS", value: "" },
  { path: "services.auth.logLevel", name: "LOG_LEVEL", value: "info" },
];

Deno.test("the document overrides the environment, and that a default", () => {
  const document = { gateway: { logLevel: "debug", routes: [] } };
  const [gateway] = listSections({ inForce: inForce(document), base });
  assert.deepEqual(gateway?.settings, [
    { path: "gateway.logLevel", value: "debug", from: "central" },
    {
      path: "gateway.passportTtlSeconds",
      name: "PASSPORT_TTL_SECONDS",
      value: undefined,
      from: "default",
    },
    { path: "gateway.routes", value: [], from: "central" },
  ]);
});

Deno.test("sections are in the order of the docs, unknown ones last", () => {
  const document = { later: 1, passport: { send: "S" }, keys: { access: { a: "signing" } } };
  const sections = listSections({ inForce: inForce(document), base });
  assert.deepEqual(sections.map(({ name }) => name), [
    "gateway",
    "services",
    "keys",
    "passport",
    "later",
  ]);
});
