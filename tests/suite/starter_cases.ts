import assert from "node:assert/strict";
import { createService, createServiceRuntime, edgepass } from "@edgepass/shared/http";
import { noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import { createPassports } from "../support/passports.ts";
import type { Case } from "./core/case.ts";

type Hono = typeof import("hono").Hono;
type HttpException = typeof import("hono/http-exception").HTTPException;

/** Another copy of Hono than the one that the starter uses. */
export interface HonoCopy {
  readonly Hono: Hono;
  readonly HTTPException: HttpException;
}

/**
 * The classes of a copy. All copies have the interface of ours; they differ in private symbols, which
 * the types name as well, and which nothing may depend on.
 */
export function toHonoCopy(root: object, httpException: object): HonoCopy {
  return {
    Hono: Reflect.get(root, "Hono"),
    HTTPException: Reflect.get(httpException, "HTTPException"),
  };
}

const failing = (): never => {
  throw new Error("telemetry is broken");
};
const brokenTelemetry: Telemetry = {
  ...noopTelemetry(),
  tracer: { startSpan: failing, startActiveSpan: failing },
  metrics: { add: failing, move: failing, record: failing },
};

interface AskOptions {
  readonly method?: string;
  /** Who is asked; the application by default. */
  readonly to?: { fetch(request: Request): Response | Promise<Response> };
}

function setup({ Hono, HTTPException }: HonoCopy, telemetry = noopTelemetry()) {
  const passports = createPassports();
  const lines: Record<string, unknown>[] = [];
  const routes: unknown[] = [];
  const metrics = {
    ...telemetry.metrics,
    record: (...measured: Parameters<Telemetry["metrics"]["record"]>) => {
      routes.push(Reflect.get(measured[1], "http.route"));
      telemetry.metrics.record(...measured);
    },
  };
  const sink = (line: string): void => void lines.push(JSON.parse(line));
  const bindings = {
    ...passports.bindings,
    LOG_LEVEL: "info",
    TELEMETRY: { ...telemetry, metrics },
  };
  const runtime = createServiceRuntime(bindings, { sink });
  const app = new Hono()
    .use(edgepass({ name: "reports", runtime, open: ["/health"] }))
    .get("/health", (c) => c.text("fine"))
    .get("/reports/:id", (c) => c.json({ of: c.var.passport.sub }))
    // Two routes that only the TrieRouter can tell apart, which lists middleware twice for `/*`.
    .get("/files/latest", (c) => c.text("latest"))
    .get("/files/:file", (c) => c.text("file"))
    .get("/misread", () => {
      throw new HTTPException(415);
    });
  const mounted = new Hono().route(
    "/api",
    createService({ name: "inner", runtime })
      .get("/things/:id", (c) => c.json({ id: c.req.param("id") })),
  );
  async function ask(path: string, { method = "GET", to = app }: AskOptions = {}) {
    const passport = await passports.sign({ sub: "user:ann" });
    const headers = { "x-passport": passport };
    return await to.fetch(new Request(new URL(path, "http://service.test"), { method, headers }));
  }
  return { app, mounted, ask, lines, routes };
}

/** What an application with another copy of Hono sees of the starter, on every runtime. */
export function starterCases(copy: HonoCopy): Case[] {
  return [
    {
      name: "a valid Passport is admitted, and the line and the route are written",
      async run() {
        const { ask, lines, routes } = setup(copy);
        const response = await ask("/reports/7");
        assert.deepEqual([response.status, await response.json()], [200, { of: "user:ann" }]);
        assert.deepEqual(routes, ["/reports/:id"]);
        assert.deepEqual(lines.map(({ message, status }) => [message, status]), [
          ["Request served", 200],
        ]);
      },
    },
    {
      name: "an open path and a missing Passport are told apart",
      async run() {
        const { app } = setup(copy);
        assert.equal((await app.request("/health")).status, 200);
        const refused = await app.request("/reports/7");
        assert.deepEqual([refused.status, codeOf(await refused.json())], [
          401,
          "passport_required",
        ]);
      },
    },
    {
      name: "an HTTPException of that copy keeps its meaning",
      async run() {
        const { ask } = setup(copy);
        const response = await ask("/misread");
        assert.deepEqual([response.status, codeOf(await response.json())], [
          415,
          "unsupported_media_type",
        ]);
      },
    },
    {
      name: "the literal path /* is served once",
      async run() {
        const { ask, lines } = setup(copy);
        assert.equal((await ask("/*")).status, 404);
        assert.equal(lines.filter(({ message }) => message === "Request served").length, 1);
      },
    },
    {
      name: "telemetry that throws fails no request",
      async run() {
        const { ask } = setup(copy, brokenTelemetry);
        assert.equal((await ask("/reports/7")).status, 200);
        assert.equal((await ask("/health")).status, 200);
        assert.equal((await ask("/misread")).status, 415);
      },
    },
    {
      name: "a service mounted in that application answers, and tells 404 from 405",
      async run() {
        const { ask, mounted: to } = setup(copy);
        assert.deepEqual(await (await ask("/api/things/7", { to })).json(), { id: "7" });
        assert.equal((await ask("/api/nothing", { to })).status, 404);
        const refused = await ask("/api/things/7", { to, method: "DELETE" });
        assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
      },
    },
  ];
}

function codeOf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}

/** Runs the cases; the failures' messages by the names of the cases, null where there is none. */
export async function runStarterCases(
  copy: HonoCopy,
): Promise<Readonly<Record<string, string | null>>> {
  const results: [string, string | null][] = [];
  for (const { name, run } of starterCases(copy)) {
    const failure = await Promise.resolve(run()).then(() => null, String);
    results.push([name, failure]);
  }
  return Object.fromEntries(results);
}
