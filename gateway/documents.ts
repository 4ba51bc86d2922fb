import type { Hono } from "hono";
import { type ReadDocsFile, serveDocsPage } from "./docs_page.ts";
import { getOnly } from "./get_only.ts";
import type { Issuer } from "./issuers.ts";
import type { GatewayEnv } from "./observe.ts";
import type { ReadEdgeState } from "./edge_state.ts";

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
  { openapi, docs, issuers, readEdgeState }: DocumentOptions & {
    readonly issuers: ReadonlyMap<string, Issuer>;
    readonly readEdgeState: ReadEdgeState;
  },
): void {
  getOnly(app, "/livez", (c) => c.json({ status: "live" }));
  getOnly(app, "/readyz", async (c) => {
    const checks: Record<string, string> = {
      revocation: (await readEdgeState({})).entries
        ? "ready"
        : "Redis or the revocation list is not there",
    };
    for (const issuer of issuers.values()) {
      checks[`issuer ${issuer.alias ?? "user"}`] = await issuer.isReady()
        ? "ready"
        : "no key set could be read";
    }
    const ready = Object.values(checks).every((state) => state === "ready");
    c.header("cache-control", "no-store");
    return c.json({ status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
  if (openapi) getOnly(app, "/openapi.json", async (c) => c.json(await openapi()));
  if (docs) serveDocsPage(app, docs);
}
