import {
  createApi,
  createRoute,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  type ServiceApp,
  toTime,
} from "@edgepass/shared/http";
import { readCursor, toPage } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import type { Accounts, OpenAccount } from "../accounts.ts";
import type { Administration } from "../administration.ts";
import {
  AccountQuery,
  Identity,
  IdParam,
  ManagedAccount,
  ManagedAccountList,
  NewAccount,
  NewRoles,
  Role,
} from "../schema.ts";
import { after, readClient } from "./http_helpers.ts";

const Position = z.tuple([z.string()]);

const administrators = { roles: ["admin"] } as const;

const signUp = createRoute({
  method: "post",
  path: "/auth/signup",
  access: "public",
  operationId: "signUp",
  summary: "Make an account",
  description:
    "A taken address is told (409): sign-up cannot hide it without mail. It is throttled.",
  tags: ["Login"],
  request: { ...idempotencyKey, ...jsonBody(NewAccount) },
  responses: { 201: jsonResponse("The new account", Identity) },
  problems: [
    "email_taken",
    "conflict",
    "rate_limited",
    "upstream_unavailable",
    "store_unavailable",
  ],
});

const listAccounts = createRoute({
  method: "get",
  path: "/auth/accounts",
  access: administrators,
  operationId: "listAccounts",
  summary: "List accounts",
  tags: ["Accounts"],
  request: { query: AccountQuery },
  responses: { 200: jsonResponse("A page of accounts", ManagedAccountList) },
  problems: ["store_unavailable"],
});

const changeProblems = [
  "not_found",
  "conflict",
  "revocation_unavailable",
  "store_unavailable",
] as const;

const setRoles = createRoute({
  method: "put",
  path: "/auth/accounts/{id}/roles",
  access: administrators,
  operationId: "setAccountRoles",
  summary: "Give an account other roles",
  description:
    "Access tokens issued before are dead at once; a refresh gives one with these roles.",
  tags: ["Accounts"],
  request: { params: IdParam, ...jsonBody(NewRoles) },
  responses: { 200: jsonResponse("The account", ManagedAccount) },
  problems: changeProblems,
});

const disable = createRoute({
  method: "post",
  path: "/auth/accounts/{id}/disable",
  access: administrators,
  operationId: "disableAccount",
  summary: "Disable an account and end its logins",
  tags: ["Accounts"],
  request: { params: IdParam },
  responses: { 200: jsonResponse("The account", ManagedAccount) },
  problems: changeProblems,
});

const enable = createRoute({
  method: "post",
  path: "/auth/accounts/{id}/enable",
  access: administrators,
  operationId: "enableAccount",
  summary: "Let a disabled account log in again",
  tags: ["Accounts"],
  request: { params: IdParam },
  responses: { 200: jsonResponse("The account", ManagedAccount) },
  problems: changeProblems,
});

/** Sign-up, and the administration of accounts. */
export function accountRoutes(
  { accounts, administration, ensureAdministrator }: {
    readonly accounts: Accounts;
    readonly administration: Administration;
    /** The first administrator must exist before the first account. */
    readonly ensureAdministrator: () => Promise<void>;
  },
): ServiceApp {
  const api = createApi();
  api.use("/auth/signup", after(ensureAdministrator));
  return api
    .openapi(signUp, async (c) => {
      const account = await accounts.signUp(c.req.valid("json"), readClient(c));
      return c.json(toIdentity(account), 201);
    })
    .openapi(listAccounts, async (c) => {
      const { q, limit, cursor } = c.req.valid("query");
      const after = cursor === undefined ? undefined : readCursor(Position, cursor)[0];
      const found = await administration.list({
        limit: limit + 1,
        ...(q === undefined ? {} : { q }),
        ...(after === undefined ? {} : { after }),
      });
      return c.json(toPage(found, { limit, toItem: toManaged, toPosition: ({ id }) => [id] }), 200);
    })
    .openapi(setRoles, async (c) => {
      const { userId: actorId } = c.var.user;
      const change = { ...c.req.valid("param"), ...c.req.valid("json"), actorId };
      return c.json(toManaged(await administration.setRoles(change)), 200);
    })
    .openapi(disable, async (c) => {
      const { userId: actorId } = c.var.user;
      const { id } = c.req.valid("param");
      return c.json(toManaged(await administration.disable({ id, actorId })), 200);
    })
    .openapi(enable, async (c) => {
      const { userId: actorId } = c.var.user;
      const { id } = c.req.valid("param");
      return c.json(toManaged(await administration.enable({ id, actorId })), 200);
    });
}

function toIdentity({ id, email, roles }: OpenAccount): Identity {
  return { id, email, roles: toRoles(roles) };
}

function toManaged({ id, email, name, roles, disabled, createdAt }: OpenAccount): ManagedAccount {
  return { id, email, name, roles: toRoles(roles), disabled, createdAt: toTime(createdAt) };
}

/** The column holds any JSON; values that are no role of the product are left out. */
export function toRoles(roles: readonly string[]): Role[] {
  return roles.flatMap((role) => {
    const parsed = Role.safeParse(role);
    return parsed.success ? [parsed.data] : [];
  });
}
