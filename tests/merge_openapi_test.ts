import assert from "node:assert/strict";
import { createRoute, z } from "@hono/zod-openapi";
import { createOpenApi, type Route } from "@edgepass/gateway";
import {
  createApi,
  jsonBody,
  jsonResponse,
  noContent,
  problems,
  type ServiceApp,
} from "@edgepass/shared/http";
import { isProblemCode, Problem } from "@edgepass/shared/problem";
import { localUpstream, type Upstream } from "@edgepass/shared/configuration";

const Label = z.object({ name: z.string().openapi({ example: "blue" }) }).openapi("Label");
const Boat = z.object({ label: Label }).openapi("Boat");
const OtherLabel = z.object({ colour: z.string() }).openapi("Label");
const Crew = z.object({ label: OtherLabel, boat: Boat }).openapi("Crew");
const id = z.object({ id: z.uuid() });

/** Two independent services that use the same names. */
function setup({ publicOrigin = "https://harbour.test", now }: {
  publicOrigin?: string;
  now?: () => number;
} = {}) {
  const boats = service("boat", "Boats and where they lie", [
    createRoute({
      method: "get",
      path: "/boats",
      operationId: "list",
      tags: ["Boats"],
      responses: { 200: jsonResponse("Boats", z.array(Boat)), ...problems("validation_failed") },
    }),
    createRoute({
      method: "post",
      path: "/boats",
      operationId: "addBoat",
      tags: ["Boats"],
      request: jsonBody(Boat),
      responses: {
        201: jsonResponse("The boat", Boat),
        ...problems("forbidden", "conflict", "passport_invalid", "store_unavailable"),
      },
    }),
    createRoute({
      method: "put",
      path: "/boats",
      operationId: "noRuleForThis",
      responses: { 204: noContent("Replaced") },
    }),
    createRoute({
      method: "delete",
      path: "/boats/{id}",
      operationId: "sinkBoat",
      request: { params: id },
      responses: { 204: noContent("Sunk"), ...problems("not_found") },
    }),
    createRoute({
      method: "get",
      path: "/internal/boats",
      operationId: "internalBoats",
      responses: { 200: jsonResponse("Boats", z.array(Boat)) },
    }),
  ]);
  const crews = service("crew", "Who sails", [
    createRoute({
      method: "get",
      path: "/crews/{id}",
      operationId: "list",
      tags: ["Crews"],
      request: { params: id },
      responses: { 200: jsonResponse("A crew", Crew), ...problems("not_found") },
    }),
    createRoute({
      method: "get",
      path: "/boats",
      operationId: "shadow",
      responses: { 200: jsonResponse("Not where the table leads", Crew) },
    }),
    createRoute({
      method: "get",
      path: "/raw",
      operationId: "raw",
      responses: { 200: jsonResponse("Bare", Crew) },
    }),
  ]);
  const routes: Route[] = [
    {
      path: "/boats",
      upstream: boats.upstream,
      access: { GET: "optional", POST: { roles: ["skipper", "owner"] } },
    },
    { path: "/boats/{id}", upstream: boats.upstream, access: { GET: "public", DELETE: "public" } },
    { path: "/crews/*", upstream: crews.upstream, access: "authenticated" },
    { path: "/raw", upstream: crews.upstream, access: "public", envelope: false },
  ];
  const openApi = createOpenApi({
    routes,
    publicOrigin,
    info: { title: "Harbour", version: "1.0.0", license: { name: "MIT", identifier: "MIT" } },
    ...(now ? { now } : {}),
  });
  return { openApi, boats, crews, document: async () => read(await openApi()) };
}

function service(title: string, description: string, routes: ReturnType<typeof createRoute>[]) {
  const app: ServiceApp = createApi();
  for (const route of routes) app.openAPIRegistry.registerPath(route);
  app.doc31("/openapi.json", { openapi: "3.1.0", info: { title, description, version: "0.1.0" } });
  const state = { requests: 0, respond: undefined as (() => Response) | undefined };
  const upstream: Upstream = localUpstream(title, {
    fetch(request) {
      state.requests++;
      return state.respond?.() ?? app.fetch(request);
    },
  });
  return { upstream, state };
}

const Operation = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  responses: z.record(z.string(), z.looseObject({ $ref: z.string().optional() })),
});
const Merged = z.looseObject({
  openapi: z.string(),
  servers: z.array(z.object({ url: z.string() })),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({
    schemas: z.record(z.string(), z.unknown()),
    responses: z.record(z.string(), z.unknown()),
    securitySchemes: z.record(z.string(), z.record(z.string(), z.string())),
  }),
});

/** The typed parts of the document that tests read. */
function read(document: object) {
  return Merged.parse(JSON.parse(JSON.stringify(document)));
}

type MergedDocument = z.infer<typeof Merged>;

function operation(document: MergedDocument, path: string, method: string) {
  const found = document.paths[path]?.[method];
  assert.ok(found, `${method} ${path} is described`);
  return found;
}

/** Every code that an operation's responses may have, by status. */
function codesOf(document: MergedDocument, path: string, method: string) {
  const { responses } = operation(document, path, method);
  return Object.fromEntries(
    Object.entries(responses).filter(([status]) => status >= "400").map(([status, response]) => {
      const { $ref } = response;
      const name = $ref?.split("/").at(-1) ?? "";
      const spelled = $ref === undefined ? response : document.components.responses[name];
      const codes = [...JSON.stringify(spelled).matchAll(/"enum":\[(.*?)\]/g)].map(([, list]) =>
        list
      );
      assert.equal(new Set(codes).size, 1, "Both media types name the same codes");
      return [status, JSON.parse(`[${codes[0]}]`)];
    }),
  );
}

Deno.test("the merged document has exactly the operations that the route table exposes", async () => {
  const { document } = setup();
  const { paths } = await document();
  const listed = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId }]) => `${method} ${path} ${operationId}`)
  );
  assert.deepEqual(listed, [
    "get /boats list",
    "post /boats addBoat",
    "delete /boats/{id} sinkBoat",
    "get /crews/{id} crew_list",
    "get /raw raw",
    "get / getAbout",
    "get /livez getLiveness",
    "get /readyz getReadiness",
    "get /openapi.json getOpenApi",
  ]);
});

Deno.test("components with equal names and different content are renamed with their references", async () => {
  const { document, crews } = setup();
  await withComponentsReversed(crews);
  const { components, paths } = await document();
  const { schemas } = components;
  assert.deepEqual(schemas.Label, {
    type: "object",
    properties: { name: { type: "string", example: "blue" } },
    required: ["name"],
  });
  assert.deepEqual(Object.keys(schemas).filter((name) => /Label|Boat|Crew/.test(name)), [
    "Boat",
    "Crew",
    "CrewBoat",
    "CrewLabel",
    "Label",
  ]);
  const references = [
    ...JSON.stringify({ schemas, paths }).matchAll(/"#\/components\/(\w+)\/(\w+)"/g),
  ];
  for (const [reference, kind = "", name = ""] of references) {
    const ofKind = components[kind];
    assert.ok(typeof ofKind === "object" && ofKind !== null && name in ofKind, reference);
  }
});

/** Moves referrers before their targets, so that a single pass is not enough. */
async function withComponentsReversed({ upstream, state }: ReturnType<typeof service>) {
  const response = await upstream.fetch("/openapi.json");
  const document = await response.json();
  const schemas = Object.fromEntries(Object.entries(document.components.schemas).reverse());
  state.respond = () => Response.json({ ...document, components: { schemas } });
}

Deno.test("JSON responses are described in the envelope; bare and empty responses are unchanged", async () => {
  const { document } = setup();
  const merged = await document();
  const media = (path: string, method: string, status: string) =>
    operation(merged, path, method).responses[status]?.content;
  assert.deepEqual(media("/boats", "post", "201"), {
    "application/json": {
      schema: {
        type: "object",
        required: ["success", "data", "traceId"],
        properties: {
          success: { type: "boolean", const: true },
          data: { $ref: "#/components/schemas/Boat" },
          traceId: { $ref: "#/components/schemas/TraceId" },
        },
      },
    },
  });
  assert.equal(media("/boats/{id}", "delete", "204"), undefined);
  assert.deepEqual(media("/raw", "get", "200"), {
    "application/json": { schema: { $ref: "#/components/schemas/Crew" } },
  });
});

Deno.test("problem codes of the service and of the gateway's steps are listed by status", async () => {
  const { document } = setup();
  const merged = await document();
  const every = {
    400: ["path_not_canonical"],
    414: ["uri_too_long"],
    421: ["misdirected_request"],
    429: ["rate_limited"],
    431: ["headers_too_large"],
    500: ["internal"],
    502: ["upstream_bad_response"],
    503: ["upstream_unavailable"],
    504: ["upstream_timeout"],
  };
  const tokens = [
    "authentication_required",
    "token_invalid",
    "token_expired",
    "token_revoked",
    "ambiguous_credentials",
  ];
  assert.deepEqual(codesOf(merged, "/boats", "get"), { ...every, 422: ["validation_failed"] });
  assert.deepEqual(codesOf(merged, "/boats", "post"), {
    ...every,
    401: tokens,
    403: ["csrf_rejected", "forbidden"],
    408: ["request_timeout"],
    409: ["conflict"],
    413: ["payload_too_large"],
    415: ["unsupported_media_type"],
    503: ["upstream_unavailable", "revocation_unavailable", "store_unavailable"],
  });
  assert.deepEqual(codesOf(merged, "/boats/{id}", "delete"), {
    ...every,
    403: ["csrf_rejected"],
    404: ["not_found"],
  });
  assert.deepEqual(codesOf(merged, "/crews/{id}", "get"), {
    ...every,
    401: tokens,
    404: ["not_found"],
    503: ["upstream_unavailable", "revocation_unavailable"],
  });
});

Deno.test("a service's differing or missing problem codes do not change other services' codes", async () => {
  const { crews, document } = setup();
  const responses = {
    400: { description: "Odd", "x-codes": ["not_found", "storm"] },
    418: { description: "Says no code" },
  };
  const paths = { "/crews/{id}": { get: { operationId: "odd", responses } } };
  crews.state.respond = () => Response.json({ openapi: "3.1.0", info: { title: "crew" }, paths });
  const merged = await document();
  assert.deepEqual(codesOf(merged, "/boats/{id}", "delete")[404], ["not_found"]);
  const odd = operation(merged, "/crews/{id}", "get").responses;
  assert.equal(
    odd[400]?.description,
    "`path_not_canonical`: Request target is not in canonical form; `not_found`: Not found; `storm`",
  );
  assert.deepEqual(odd[418]?.content, {
    "application/json": { schema: { $ref: "#/components/schemas/Failure" } },
    "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
  });
});

Deno.test("access rules become security requirements, one alternative per role", async () => {
  const { document } = setup();
  const merged = await document();
  const security = (path: string, method: string) => operation(merged, path, method).security;
  assert.deepEqual(security("/boats", "get"), [{}, { cookieAuth: [] }, { bearerAuth: [] }]);
  assert.deepEqual(security("/boats", "post"), [
    { cookieAuth: ["skipper"] },
    { cookieAuth: ["owner"] },
    { bearerAuth: ["skipper"] },
    { bearerAuth: ["owner"] },
  ]);
  assert.deepEqual(security("/boats/{id}", "delete"), []);
  assert.deepEqual(security("/crews/{id}", "get"), [{ cookieAuth: [] }, { bearerAuth: [] }]);
});

Deno.test("server and cookie are those of the public origin", async () => {
  for (
    const [publicOrigin, name] of [
      ["https://harbour.test", "__Host-access_token"],
      ["http://127.0.0.1:8787", "access_token"],
    ] as const
  ) {
    const { servers, components } = await setup({ publicOrigin }).document();
    assert.deepEqual(servers, [{ url: publicOrigin }]);
    assert.equal(components.securitySchemes.cookieAuth?.name, name);
  }
});

Deno.test("tags without a description get the service's purpose", async () => {
  const { tags } = await setup().document();
  assert.deepEqual(tags, [
    { name: "Boats", description: "Boats and where they lie" },
    { name: "Crews", description: "Who sails" },
    { name: "Gateway", description: "The gateway's own documents" },
  ]);
});

Deno.test("a document is cached for a minute", async () => {
  let time = 0;
  const { openApi, boats } = setup({ now: () => time });
  const first = await openApi();
  time = 59_999;
  assert.equal(await openApi(), first);
  assert.equal(boats.state.requests, 1);
  time = 60_000;
  await openApi();
  assert.equal(boats.state.requests, 2);
});

const broken = {
  "does not respond": [() => {
    throw new TypeError("Connection refused");
  }, "upstream_unavailable"],
  "responds with an error": [() => new Response("{}", { status: 500 }), "upstream_unavailable"],
  "redirects": [() => Response.redirect("https://elsewhere.test/"), "upstream_unavailable"],
  "responds with something other than JSON": [
    () => new Response("<html>"),
    "upstream_bad_response",
  ],
  "responds with something other than OpenAPI": [() => Response.json([]), "upstream_bad_response"],
  "responds without paths": [() => Response.json({ openapi: "3.1.0" }), "upstream_bad_response"],
} as const;
for (const [what, [respond, code]] of Object.entries(broken)) {
  Deno.test(`no document is built or cached while a service ${what}`, async () => {
    const { openApi, crews } = setup();
    crews.state.respond = respond;
    assert.ok(isProblemCode(code));
    await assert.rejects(openApi(), (error) => error instanceof Problem && error.code === code);
    crews.state.respond = undefined;
    assert.ok("/crews/{id}" in read(await openApi()).paths);
  });
}
