import assert from "node:assert/strict";
import { eventing } from "@edgepass/shared/events";
import { createDefineService, requireNoFaults } from "@edgepass/shared/http";
import { defaultPolicies } from "@edgepass/shared/resilience";
import { createPassports } from "../tests/support/passports.ts";
import { composeAll } from "./all.ts";
import { findRouteClashes, type Routed } from "./clashes.ts";

const notes: Routed = {
  folder: "notes",
  prefixes: ["/notes", "/"],
  routes: [toRoute("/notes/{id}")],
};

function toRoute(path: string) {
  return { method: "GET", path, isRepeatable: false };
}

Deno.test("services with paths of their own start together", () => {
  requireNoFaults(
    findRouteClashes([notes, { folder: "lists", prefixes: ["/lists", "/"], routes: [] }]),
  );
});

/** Clash → the second service's prefixes and paths, and the line. */
const clashes = {
  "one prefix": [
    { prefixes: ["/notes"], routes: [] },
    'services/lists/service.ts: routes: "/notes" belongs to notes already',
  ],
  "one path": [
    { prefixes: ["/"], routes: [toRoute("/notes/{noteId}")] },
    'services/lists/service.ts: routes: "/notes/{noteId}" belongs to notes already',
  ],
} as const;
for (const [what, [second, line]] of Object.entries(clashes)) {
  Deno.test(`two services with ${what} do not start, in one line that names file and member`, () => {
    assert.throws(
      () => requireNoFaults(findRouteClashes([notes, { folder: "lists", ...second }])),
      { name: "ConfigError", message: `Cannot start: ${line}` },
    );
  });
}

Deno.test("services of one process with one path do not start", async () => {
  const define = createDefineService({ events: {}, eventing, policies: defaultPolicies });
  const of = (name: string) =>
    define({
      name,
      description: "",
      database: false,
      create: () => ({ routes: { "/notes": [] } }),
    });
  await assert.rejects(
    composeAll(createPassports().bindings, {}, { notes: of("notes"), lists: of("lists") }),
    {
      name: "ConfigError",
      message: 'Cannot start: services/lists/service.ts: routes: "/notes" belongs to notes already',
    },
  );
});
