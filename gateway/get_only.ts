import { Problem } from "@edgepass/shared/problem";
import type { Handler, Hono } from "hono";
import type { GatewayEnv } from "./observe.ts";

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
