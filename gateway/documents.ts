import { currentContext } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import type { Handler, Hono } from "hono";
import type { EdgeState } from "./edge_state.ts";
import type { IssuerState } from "./issuer_keys.ts";
import type { GatewayEnv } from "./observe.ts";

/** The gateway's own documents. */
export interface DocumentOptions {
  /** The OpenAPI document of everything behind the gateway, built on request. */
  readonly openapi?: () => Promise<object>;
  /** What `GET /` calls the API. */
  readonly about?: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
  };
  /** Files of the page that shows the document, by name; undefined for an unknown name. */
  readonly docs?: ReadDocsFile;
}

/** Adds the gateway's own documents, which are never wrapped and require no credential. */
export function serveDocuments(
  app: Hono<GatewayEnv>,
  { openapi, docs }: DocumentOptions,
): void {
  getOnly(app, "/livez", (c) => c.json({ status: "live" }));
  if (openapi) getOnly(app, "/openapi.json", async (c) => c.json(await openapi()));
  if (docs) serveDocsPage(app, docs);
}

/** What `GET /` is built from. */
interface AboutOptions extends Pick<DocumentOptions, "about" | "openapi" | "docs"> {
  readonly publicOrigin: string;
  /**
   * Whether the route table has a row for a path: a site at the root takes precedence over this
   * document.
   */
  isRouted(segments: readonly string[]): boolean;
}

/**
 * Serves `GET /`: the API's title, and links to its documents. The links use the configured origin,
 * never the request's: a forged Host must not choose where readers are sent.
 */
export function serveAbout(
  app: Hono<GatewayEnv>,
  { about, openapi, docs, publicOrigin, isRouted }: AboutOptions,
): void {
  const data = {
    ...(about ?? { title: "Edgepass", description: "An API behind an Edgepass gateway" }),
    ...(docs ? { documentation: `${publicOrigin}/docs` } : {}),
    ...(openapi ? { openapi: `${publicOrigin}/openapi.json` } : {}),
    liveness: `${publicOrigin}/livez`,
    readiness: `${publicOrigin}/readyz`,
  };
  app.all("/", async function serveAbout(c, next) {
    if (isRouted(c.get("target").segments)) return await next();
    if (c.req.method !== "GET" && c.req.method !== "HEAD") {
      throw new Problem("method_not_allowed", { headers: { allow: "GET, HEAD" } });
    }
    const { traceId } = currentContext()!.trace; // Set by `observe`.
    return c.json({ success: true, data, traceId }, 200, { "cache-control": "no-store" });
  });
}

/** Files of the package `swagger-ui-dist` that the page at `/docs` is made of. */
export const docsFiles = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  // The script's header comment links to it.
  "swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
} as const satisfies Record<string, string>;

/** Name of one of these files. */
export type DocsFile = keyof typeof docsFiles;

/** Reads one of the files; undefined where this installation does not have it. */
export type ReadDocsFile = (file: DocsFile) => Promise<Response | undefined>;

// Whatever the document contains, the page sends requests to this origin only, and no inline script
// runs.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; the document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
</body>
</html>
`;

// Without `validatorUrl: null` the page would send the document to a public service.
const docsScript = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  queryConfigEnabled: false,
  persistAuthorization: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
`;

/** Adds the page at `/docs`, which works offline and sends no request to another origin. */
function serveDocsPage(app: Hono<GatewayEnv>, readFile: ReadDocsFile): void {
  getOnly(app, "/docs", () => documentResponse(docsPage, "text/html; charset=utf-8"));
  getOnly(
    app,
    "/docs/start.js",
    () => documentResponse(docsScript, docsFiles["swagger-ui-bundle.js"]),
  );
  getOnly(app, "/docs/:file", async (c) => {
    const name = c.req.param("file") ?? "";
    const file = isDocsFile(name) ? await readFile(name) : undefined;
    if (!isDocsFile(name) || !file) throw new Problem("not_found");
    return documentResponse(file.body, docsFiles[name], "public, max-age=3600");
  });
}

function isDocsFile(name: string): name is DocsFile {
  return Object.hasOwn(docsFiles, name);
}

/** Passes on a file's body only: headers of the server that stored it must not reach the client. */
function documentResponse(
  body: BodyInit | null,
  contentType: string,
  cacheControl = "no-cache",
): Response {
  return new Response(body, {
    headers: {
      "content-type": contentType,
      "cache-control": cacheControl,
      "content-security-policy": contentSecurityPolicy,
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
    },
  });
}

/** Adds a document of the gateway's own, which can be read and nothing else (RFC 9110 §15.5.6). */
export function getOnly(
  app: Hono<GatewayEnv>,
  path: string,
  handler: Handler<GatewayEnv>,
): void {
  app.get(path, handler);
  app.all(path, function refuseMethod() {
    throw new Problem("method_not_allowed", { headers: { allow: "GET, HEAD" } });
  });
}

/** What readiness depends on at an issuer. */
export interface ReadinessOfIssuer {
  /** Absent for our own auth service. */
  readonly alias?: string;
  /** Whether the gateway must not serve without its keys. */
  readonly required?: boolean | undefined;
  readState(): Promise<IssuerState>;
}

const words: Readonly<Record<IssuerState, string>> = {
  ready: "ready",
  stale: "its key set cannot be read at present; the last one is used",
  away: "no key set could be read",
};

/**
 * Serves `/readyz`. An issuer that is away degrades itself alone: one of many identity providers
 * must not take the gateway away from the people of all others.
 */
export function serveReadiness(
  app: Hono<GatewayEnv>,
  { issuers, readEdgeState }: {
    readonly issuers: readonly ReadinessOfIssuer[];
    readonly readEdgeState: (need: Record<never, never>) => Promise<Pick<EdgeState, "entries">>;
  },
): void {
  getOnly(app, "/readyz", async function serveReadyz(c) {
    const [edge, found] = await Promise.all([
      readEdgeState({}),
      Promise.all(issuers.map(async ({ alias = "user", required = false, readState }) => {
        return { alias, required, state: await readState() };
      })),
    ]);
    const revocation = edge.entries ? "ready" : "Redis or the revocation list is not there";
    const degraded = found.filter(({ state }) => state !== "ready").map(({ alias }) => alias);
    const isReady = edge.entries !== undefined && canVerify(found);
    c.header("cache-control", "no-store");
    return c.json({
      status: isReady ? "ready" : "not ready",
      ...(degraded.length > 0 ? { degraded } : {}),
      checks: {
        revocation,
        ...Object.fromEntries(found.map(({ alias, state }) => [`issuer ${alias}`, words[state]])),
      },
    }, isReady ? 200 : 503);
  });
}

/** Some issuer's tokens can be verified, and those of each required one. */
function canVerify(found: readonly { required: boolean; state: IssuerState }[]): boolean {
  const isThere = ({ state }: { state: IssuerState }) => state !== "away";
  return (found.length === 0 || found.some(isThere)) &&
    found.every((issuer) => isThere(issuer) || !issuer.required);
}
