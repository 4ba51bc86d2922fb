import { digest } from "@edgepass/shared/crypto";
import { createApi, createRoute, jsonResponse, type ServiceApp } from "@edgepass/shared/http";
import type { AccessTokenKeys } from "../keys.ts";
import { JwkSet } from "../schema.ts";

/** Where verifiers fetch the public keys; requires no Passport. */
export const jwksPath = "/.well-known/jwks.json";

const jwks = createRoute({
  method: "get",
  path: jwksPath,
  access: "public",
  gateway: { envelope: false },
  operationId: "getKeys",
  summary: "Public keys of our access tokens",
  tags: ["Keys"],
  security: [],
  responses: {
    200: jsonResponse("A JWK set (RFC 7517 §5)", JwkSet),
    304: { description: "The set is what `If-None-Match` names" },
  },
});

const cacheControl = "public, max-age=300";

/** The public halves of all keys but revoked ones. */
export function keyRoutes(keys: () => Promise<AccessTokenKeys>): ServiceApp {
  return createApi().openapi(jwks, async (c) => {
    const set = (await keys()).jwks;
    const etag = `"${await digest(JSON.stringify(set))}"`;
    c.header("cache-control", cacheControl);
    c.header("etag", etag);
    if (isNamed(etag, c.req.header("if-none-match"))) return c.body(null, 304);
    return c.json({ keys: [...set.keys] }, 200);
  });
}

/** Weak comparison, as RFC 9110 §13.1.2 has it for If-None-Match. */
function isNamed(etag: string, header: string | undefined): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}
