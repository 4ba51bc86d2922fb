import { Problem } from "@edgepass/shared/problem";
import type { Hono } from "hono";
import { type ReadDocsFile, serveDocsPage } from "./docs_page.ts";
import type { Issuer } from "./issuers.ts";
import type { GatewayEnv } from "./observe.ts";
import type { Revocation } from "./revocation.ts";

export interface DocumentOptions {
  /** The OpenAPI document of everything behind the gateway, made when it is asked for. */
  readonly openapi?: () => Promise<object>;
  /** Files of the page that shows it, by name; undefined for a name it does not have. */
  readonly docs?: ReadDocsFile;
}

/** Adds the gateway's own documents, which are never wrapped and ask for no credential. */
export function serveDocuments(
  app: Hono<GatewayEnv>,
  { openapi, docs, issuers, revocation }: DocumentOptions & {
    readonly issuers: ReadonlyMap<string, Issuer>;
    readonly revocation: Revocation;
  },
): void {
  app.get("/livez", (c) => c.json({ status: "live" }));
  app.get("/readyz", async (c) => {
    const checks: Record<string, string> = {
      revocation: await revocation.isReady()
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
  if (openapi) app.get("/openapi.json", async (c) => c.json(await openapi()));
  if (docs) serveDocsPage(app, docs);
  for (const path of ownPaths) app.all(path, refuseMethod);
}

const ownPaths = ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/:file"];

function refuseMethod(): never {
  throw new Problem("method_not_allowed", { headers: { allow: "GET, HEAD" } });
}
