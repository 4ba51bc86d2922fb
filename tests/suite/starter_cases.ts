import assert from "node:assert/strict";
import { createService, createServiceRuntime, requirePassport } from "@edgepass/shared/http";
import { noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import { createPassports } from "../support/passports.ts";
import type { Case } from "./core/case.ts";

type Hono = typeof import("hono").Hono;
type HttpException = typeof import("hono/http-exception").HTTPException;

/** Another copy of Hono than the service runtime's own. */
export interface HonoCopy {
  readonly Hono: Hono;
  readonly HTTPException: HttpException;
}

/**
 * The classes of a copy. All copies have the interface of ours; they differ in private symbols, which
 * the types include, and on which no code may depend.
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

interface SendOptions {
  readonly method?: string;
  /** The receiver of the request; by default the application. */
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
    .use(requirePassport({ name: "reports", runtime, open: ["/health"] }))
    .get("/health", (c) => c.text("fine"))
    .get("/reports/:id", (c) => c.json({ of: c.var.passport.sub }))
    // Two routes that only the TrieRouter tells apart; it lists middleware twice for `/*`.
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
  async function send(path: string, { method = "GET", to = app }: SendOptions = {}) {
    const passport = await passports.sign({ sub: "user:ann" });
    const headers = { "x-passport": passport };
    return await to.fetch(new Request(new URL(path, "http://service.test"), { method, headers }));
  }
  return { app, mounted, send, lines, routes };
}

/** How an application with another copy of Hono uses the service runtime, on every runtime. */
export function starterCases(copy: HonoCopy): Case[] {
  return [
    {
      name: "a valid Passport is accepted, and the log line and the route are written",
      async run() {
        const { send, lines, routes } = setup(copy);
        const response = await send("/reports/7");
        assert.deepEqual([response.status, await response.json()], [200, { of: "user:ann" }]);
        assert.deepEqual(routes, ["/reports/:id"]);
        assert.deepEqual(lines.map(({ message, status }) => [message, status]), [
          ["Request served", 200],
        ]);
      },
    },
    {
      name: "an open path is served, and a missing Passport is refused",
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
      name: "an HTTPException of that copy is mapped to its problem",
      async run() {
        const { send } = setup(copy);
        const response = await send("/misread");
        assert.deepEqual([response.status, codeOf(await response.json())], [
          415,
          "unsupported_media_type",
        ]);
      },
    },
    {
      name: "the literal path /* is served once",
      async run() {
        const { send, lines } = setup(copy);
        assert.equal((await send("/*")).status, 404);
        assert.equal(lines.filter(({ message }) => message === "Request served").length, 1);
      },
    },
    {
      name: "a request succeeds although telemetry throws",
      async run() {
        const { send } = setup(copy, brokenTelemetry);
        assert.equal((await send("/reports/7")).status, 200);
        assert.equal((await send("/health")).status, 200);
        assert.equal((await send("/misread")).status, 415);
      },
    },
    {
      name: "a service mounted in that application is served, with 404 and 405",
      async run() {
        const { send, mounted: to } = setup(copy);
        assert.deepEqual(await (await send("/api/things/7", { to })).json(), { id: "7" });
        assert.equal((await send("/api/nothing", { to })).status, 404);
        const refused = await send("/api/things/7", { to, method: "DELETE" });
        assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
      },
    },
  ];
}

function codeOf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}

/** Runs the cases; returns the failure message by case name, null for a case that passed. */
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
