import {
  createApi,
  createRoute,
  jsonResponse,
  noContent,
  type ServiceApp,
} from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import type { Accounts } from "../accounts.ts";
import { IdParam, OwnAccount, PublicAccount } from "../schema.ts";
import { toRoles } from "./accounts.ts";

// These routes are in no route table of the gateway: other services call them with the Passport.
const hide = true;

const me = createRoute({
  hide,
  access: "authenticated",
  method: "get",
  path: "/internal/accounts/me",
  responses: { 200: jsonResponse("The person's account", OwnAccount) },
  problems: ["not_found"],
});

const closeMe = createRoute({
  hide,
  access: "authenticated",
  method: "delete",
  path: "/internal/accounts/me",
  responses: { 204: noContent("The account is closed and all its logins have ended") },
  problems: ["not_found", "revocation_unavailable"],
});

const one = createRoute({
  hide,
  // A service may read it too, so the handler itself refuses anonymous callers.
  access: "optional",
  method: "get",
  path: "/internal/accounts/{id}",
  request: { params: IdParam },
  responses: { 200: jsonResponse("What others may know of an account", PublicAccount) },
  problems: ["authentication_required", "not_found"],
});

/** The routes that other services call. */
export function internalRoutes(accounts: Accounts): ServiceApp {
  return createApi()
    .openapi(me, async (c) => {
      const { id, name, roles } = await accounts.find(c.var.user.userId);
      return c.json({ id, name, roles: toRoles(roles) }, 200);
    })
    .openapi(closeMe, async (c) => {
      await accounts.close(c.var.user.userId);
      return c.body(null, 204);
    })
    .openapi(one, async (c) => {
      if (c.var.passport.sub === "anon") throw new Problem("authentication_required");
      const { id, name } = await accounts.find(c.req.valid("param").id);
      return c.json({ id, name }, 200);
    });
}
