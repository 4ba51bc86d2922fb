import assert from "node:assert/strict";
import { gatewaySettings } from "@edgepass/gateway";
import { listSettings, setting } from "@edgepass/shared/configuration";
import { qstashSettings } from "@edgepass/shared/events";
import { eventing } from "@edgepass/shared/events";
import {
  createApi,
  createDefineService,
  createRoute,
  type Service,
  serviceRuntimeSettings,
} from "@edgepass/shared/http";
import { upstashSettings } from "@edgepass/shared/redis";
import { defaultPolicies } from "@edgepass/shared/resilience";
import { processSettings } from "@edgepass/shared/runtime/deno";
import { createRoute as createUnruledRoute } from "@hono/zod-openapi";
import * as z from "zod/mini";
import { checkServices } from "../app/generate/check.ts";
import { addCalls, DeclarationError, type Described } from "../app/generate/describe.ts";
import { writeDev } from "../app/generate/dev.ts";
import { generate, prepare } from "../app/generate/generate.ts";
import { updateCommand } from "../app/generate/head.ts";
import { authSettings } from "../services/auth/settings.ts";
import { createPassports } from "./support/passports.ts";

const root = new URL("../", import.meta.url);

async function findOutdated(files: Readonly<Record<string, string>>): Promise<string[]> {
  const outdated: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const present = await Deno.readTextFile(new URL(path, root)).catch(() => undefined);
    if (present !== text) outdated.push(path);
  }
  return outdated;
}

Deno.test(`every generated file is what \`${updateCommand}\` writes`, async () => {
  const files = await generate(root);
  assert.ok(Object.keys(files).length > 20);
  assert.deepEqual(await findOutdated(files), []);
});

Deno.test("the packages and the table of events, which are written first, are complete already", async () => {
  assert.deepEqual(await findOutdated(await prepare(root)), []);
});

/** Bindings that are not variables, and what only dev sets. */
const undocumented = new Set([
  "LOG_SINK",
  "INFLIGHT_FILE",
  "PASSPORT_KEYS_RELOAD",
  "ACCESS_TOKEN_KEYS_RELOAD",
]);

Deno.test("every setting that a schema reads is declared with its meaning", () => {
  const shapes = [
    gatewaySettings,
    serviceRuntimeSettings,
    qstashSettings,
    upstashSettings,
    processSettings,
    authSettings,
  ];
  const declared = new Set(shapes.flatMap((shape) => listSettings(shape).map(({ name }) => name)));
  const read = shapes.flatMap((shape) => Object.keys(shape));
  assert.ok(declared.size > 25);
  assert.deepEqual(read.filter((name) => !declared.has(name) && !undocumented.has(name)), []);
});

const define = createDefineService({ events: {}, eventing, policies: defaultPolicies });
const path = { method: "get", path: "/", responses: { 204: { description: "Nothing" } } } as const;

/** A service that is well declared. */
const api = () =>
  createApi().openapi(createRoute({ ...path, access: "public" }), (c) => c.body(null, 204));
const notes = define({
  name: "notes",
  description: "Notes",
  collectsExports: true,
  create: () => ({ routes: { "/notes": [api(), rowsOf("/{id}")] } }),
});
const readExport = () => Promise.resolve({});

/** One route with facts for the gateway. */
function rowsOf(path: string, method: "get" | "post" = "get", gateway = {}) {
  const responses = { 204: { description: "Nothing" } };
  const route = createRoute({ path, method, responses, gateway, access: "public" });
  return createApi().openapi(route, (c) => c.body(null, 204));
}

async function describe(
  service: Service,
  folder: string,
  more: Partial<Described> = {},
): Promise<Described> {
  const description = service.describe({ ...createPassports().bindings, LIMIT: "1" });
  const calls = service.calls;
  return await Promise.resolve({ folder, service, calls, publishes: [], ...description, ...more });
}

/** Fault → a second declaration, and the line about it. */
const faults: Record<string, readonly [Service, string, Partial<Described>?]> = {
  "a call to an unknown service": [
    define({
      name: "lists",
      description: "",
      calls: ["note"],
      create: () => ({ routes: { "/lists": api() } }),
    }),
    'services/lists/service.ts: calls: there is no service "note"',
  ],
  "a call to a service that comes later": [
    define({
      name: "lists",
      description: "",
      calls: ["lists"],
      create: () => ({ routes: { "/lists": api() } }),
    }),
    'services/lists/service.ts: calls: "lists" must come before "lists" in app/services.ts',
  ],
  "an event without a publisher": [
    define({ name: "lists", description: "", create: () => ({ routes: { "/lists": api() } }) }),
    'services/lists/service.ts: on: no service publishes "note.lost"',
    { consumes: ["note.lost"] },
  ],
  "two services with one prefix": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/notes": createApi() } }),
    }),
    'services/lists/service.ts: routes: "/notes" belongs to notes already',
  ],
  "a reserved prefix": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/admin": createApi() } }),
    }),
    'services/lists/service.ts: routes: "/admin" is reserved for the platform',
  ],
  "a reserved path below a prefix that is free": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/": rowsOf("/logout") } }),
    }),
    'services/lists/service.ts: routes: "/logout" is reserved for the platform',
  ],
  "a path of the identity provider": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/": rowsOf("/.well-known/lists") } }),
    }),
    'services/lists/service.ts: routes: "/.well-known/lists" is reserved for the platform',
  ],
  "a parameter instead of a prefix": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/": rowsOf("/{id}") } }),
    }),
    'services/lists/service.ts: routes: "/{id}" is reserved for the platform',
  ],
  "another method of another service's path": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/": rowsOf("/notes/{noteId}", "post") } }),
    }),
    'services/lists/service.ts: routes: "/notes/{noteId}" belongs to notes already',
  ],
  "facts that differ between the methods of a path": [
    define({
      name: "lists",
      description: "",
      create: () => ({
        routes: { "/lists": [rowsOf("/", "get", { rateLimited: false }), rowsOf("/", "post")] },
      }),
    }),
    "services/lists/routes.ts: gateway: the methods of /lists differ",
  ],
  "the login's cookies in another service": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/lists": rowsOf("/", "get", { identityProvider: true }) } }),
    }),
    "services/lists/routes.ts: GET /lists: identityProvider is of the service auth alone",
  ],
  "cookies that another service clears": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/lists": rowsOf("/", "get", { clearsCookies: true }) } }),
    }),
    "services/lists/routes.ts: GET /lists: clearsCookies is of the service auth alone",
  ],
  "a route without access rule": [
    define({
      name: "lists",
      description: "",
      create: () => ({
        routes: {
          "/lists": createApi().openapi(createUnruledRoute(path), (c) => c.body(null, 204)),
        },
      }),
    }),
    "services/lists/routes.ts: GET /lists: the route has no access rule",
  ],
  "a secret with a default": [
    define({
      name: "lists",
      description: "",
      settings: {
        LISTS_KEY: setting(z._default(z.string(), "abc"), { meaning: "a key", secret: true }),
      },
      create: () => ({ routes: { "/lists": api() } }),
    }),
    "services/lists/service.ts: settings: LISTS_KEY is a secret and has a default",
  ],
  "an export that nothing describes": [
    define({
      name: "lists",
      description: "",
      create: () => ({ routes: { "/lists": api() }, readExport }),
    }),
    "services/lists/service.ts: exports: readExport returns what no member `exports` describes",
  ],
  "an export that nothing returns": [
    define({
      name: "lists",
      description: "",
      exports: "Lists",
      create: () => ({ routes: { "/lists": api() } }),
    }),
    "services/lists/service.ts: exports: create returns no readExport",
  ],
  "a call to the service that would call back for the export": [
    define({
      name: "lists",
      description: "",
      exports: "Lists",
      calls: ["notes"],
      create: () => ({ routes: { "/lists": api() }, readExport }),
    }),
    'services/lists/service.ts: calls: "notes" collects exports, so it calls lists itself',
  ],
  "a name that is not the folder's": [
    define({ name: "list", description: "", create: () => ({ routes: { "/lists": api() } }) }),
    'services/lists/service.ts: name: "list" is not its folder\'s name',
  ],
  "a type of event that another service publishes": [
    define({ name: "lists", description: "", create: () => ({ routes: { "/lists": api() } }) }),
    'services/lists/events.ts: events: "note.created" belongs to notes already',
    { publishes: ["note.created"] },
  ],
};
for (const [what, [service, line, more]] of Object.entries(faults)) {
  Deno.test(`${what} is one line that names file and member`, async () => {
    const first = await describe(notes, "notes", { publishes: ["note.created"] });
    checkServices([first]);
    const second = await describe(service, "lists", more);
    assert.throws(
      () => checkServices([first, second]),
      (error) => error instanceof DeclarationError && error.message === line,
    );
  });
}

Deno.test("an export that no service collects is one line that names file and member", async () => {
  const lists = define({
    name: "lists",
    description: "",
    exports: "Lists",
    create: () => ({ routes: { "/lists": api() }, readExport }),
  });
  const described = await describe(lists, "lists");
  assert.throws(
    () => checkServices([described]),
    (error) =>
      error instanceof DeclarationError &&
      error.message === "services/lists/service.ts: exports: no service has collectsExports",
  );
});

Deno.test("dev makes and sets what a service's settings declare", () => {
  const lists = define({
    name: "lists",
    description: "",
    settings: {
      LISTS_KEY: setting(z.string(), { meaning: "a key", secret: true, make: "secret" }),
      LISTS_URL: setting(z.string(), { meaning: "an address", inDev: "http://127.0.0.1:9" }),
      LISTS_MAX: setting(z._default(z.number(), 7), { meaning: "a number" }),
      LISTS_KINDS: setting(z._default(z.array(z.string()), []), {
        meaning: "kinds",
        without: "`[]`",
      }),
      LISTS_NAME: setting(z.optional(z.string()), { meaning: "a name", without: "`none`" }),
    },
    create: () => ({ routes: { "/lists": api() } }),
  });
  const described = { folder: "lists", service: lists, calls: [], publishes: [], prefixes: [] };
  const text = writeDev([{ ...described, routes: [], consumes: [], hasExport: false }]);
  const read = (name: string) =>
    JSON.parse(new RegExp(`export const ${name} = (.*) as const;`).exec(text)?.[1] ?? "null");
  assert.equal(read("madeSettings").LISTS_KEY, "secret");
  const { LISTS_URL, LISTS_MAX, LISTS_KINDS, LISTS_NAME } = read("settingDefaults");
  assert.deepEqual([LISTS_URL, LISTS_MAX, LISTS_KINDS], ["http://127.0.0.1:9", "7", "[]"]);
  assert.equal(LISTS_NAME, undefined, "what has no default is not set");
});

Deno.test("the service that collects exports calls each service with a part, and not itself", async () => {
  const create = (at: `/${string}`) => () => ({ routes: { [at]: api() }, readExport });
  const all = define({
    name: "all",
    description: "",
    exports: "Its own",
    collectsExports: true,
    create: create("/all"),
  });
  const lists = define({ name: "lists", description: "", exports: "Lists", create: create("/l") });
  const described = addCalls([
    await describe(notes, "notes"),
    await describe(all, "all"),
    await describe(lists, "lists"),
  ]);
  assert.deepEqual(described.map(({ calls }) => calls), [["all", "lists"], ["lists"], []]);
});

/** Name → why no service can have it. */
const names = {
  issuer: "ISSUER is a setting already",
  port: "PORT is a setting already",
  weight: "WEIGHT is a setting already",
  class: "the name is a word of TypeScript or of generated code",
  services: "the name is a word of TypeScript or of generated code",
  order: "the name is a word of SQL",
  outbox: "the platform has a table of this name",
  logout: "the name is reserved for the platform",
  "order-items":
    "a name is one word of 2 to 24 lower-case letters, since paths, settings, tables and imports have it",
};
for (const [name, why] of Object.entries(names)) {
  Deno.test(`a service cannot have the name ${name}`, async () => {
    const one = define({
      name,
      description: "",
      settings: { WEIGHT: setting(z.optional(z.string()), { meaning: "a weight" }) },
      create: () => ({ routes: { "/lists": api() } }),
    });
    const described = await describe(one, name);
    assert.throws(
      () => checkServices([described]),
      (error) =>
        error instanceof DeclarationError &&
        error.message === `services/${name}/service.ts: name: ${why}`,
    );
  });
}
