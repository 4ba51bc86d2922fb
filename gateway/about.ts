import { currentContext } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import type { Hono } from "hono";
import type { DocumentOptions } from "./documents.ts";
import type { GatewayEnv } from "./observe.ts";

/** What `GET /` is built from. */
export interface AboutOptions extends Pick<DocumentOptions, "about" | "openapi" | "docs"> {
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
    if (isRouted(c.var.target.segments)) return await next();
    if (c.req.method !== "GET" && c.req.method !== "HEAD") {
      throw new Problem("method_not_allowed", { headers: { allow: "GET, HEAD" } });
    }
    const { traceId } = currentContext()!.trace; // Set by `observe`.
    return c.json({ success: true, data, traceId }, 200, { "cache-control": "no-store" });
  });
}
