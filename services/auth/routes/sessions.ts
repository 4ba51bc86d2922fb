import {
  createApi,
  createRoute,
  jsonBody,
  jsonResponse,
  ListQuery,
  noContent,
  type ServiceApp,
  toTime,
} from "@edgepass/shared/http";
import { readCursor, toPage } from "@edgepass/shared/sql";
import type { CookieNames } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import type { ChangePassword } from "../change_password.ts";
import type { Logins } from "../logins.ts";
import { IdParam, PasswordChange, type Session, SessionList } from "../schema.ts";
import type { Login } from "../store/mod.ts";
import {
  dropTokenCookies,
  readClient,
  readRefreshCookie,
  requirePerson,
  setTokenCookies,
} from "./http_helpers.ts";

/** Responses of these routes may set or clear the cookies of a login. */
const cookies = { identityProvider: true } as const;

const Position = z.tuple([z.string()]);

const listSessions = createRoute({
  method: "get",
  path: "/auth/sessions",
  access: "authenticated",
  operationId: "listSessions",
  summary: "List one's own logins",
  tags: ["Login"],
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page of logins, newest first", SessionList) },
  problems: ["store_unavailable"],
});

const endSession = createRoute({
  method: "delete",
  path: "/auth/sessions/{id}",
  access: "authenticated",
  gateway: cookies,
  operationId: "endSession",
  summary: "End one of one's own logins",
  tags: ["Login"],
  request: { params: IdParam },
  responses: { 204: noContent("The login has ended") },
  problems: ["not_found", "revocation_unavailable", "store_unavailable"],
});

const password = createRoute({
  method: "post",
  path: "/auth/password",
  access: "authenticated",
  gateway: cookies,
  operationId: "changePassword",
  summary: "Change one's own password",
  description: "Other logins end. Who came with the refresh cookie gets both cookies new; " +
    "clients without cookies refresh by themselves.",
  tags: ["Login"],
  request: jsonBody(PasswordChange),
  responses: { 204: noContent("The password is changed") },
  problems: [
    "ambiguous_credentials",
    "credentials_invalid",
    "token_revoked",
    "rate_limited",
    "upstream_unavailable",
    "revocation_unavailable",
    "store_unavailable",
  ],
});

export interface SessionRoutesOptions {
  readonly logins: Logins;
  readonly changePassword: ChangePassword;
  readonly names: CookieNames;
}

/** What a person may do to their own logins and password. */
export function sessionRoutes(
  { logins, changePassword, names }: SessionRoutesOptions,
): ServiceApp {
  return createApi()
    .openapi(listSessions, async (c) => {
      const person = requirePerson(c.var.passport);
      const { limit, cursor } = c.req.valid("query");
      const before = cursor === undefined ? undefined : readCursor(Position, cursor)[0];
      const found = await logins.list(person, {
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
      });
      const toItem = (one: Login) => toSession(one, person.sid);
      return c.json(toPage(found, { limit, toItem, toPosition: ({ sid }) => [sid] }), 200);
    })
    .openapi(endSession, async (c) => {
      const person = requirePerson(c.var.passport);
      const { id } = c.req.valid("param");
      await logins.end(person, id);
      if (id === person.sid) dropTokenCookies(c, names);
      return c.body(null, 204);
    })
    .openapi(password, async (c) => {
      const person = requirePerson(c.var.passport);
      const refreshToken = readRefreshCookie(c, names);
      const client = { ...readClient(c), refreshToken };
      const grant = await changePassword(person, c.req.valid("json"), client);
      if (grant) setTokenCookies(c, names, grant);
      return c.body(null, 204);
    });
}

function toSession(login: Login, currentSid: string): Session {
  return {
    id: login.sid,
    createdAt: toTime(login.createdAt),
    lastUsedAt: toTime(login.lastUsedAt),
    expiresAt: toTime(login.expiresAt),
    userAgent: login.userAgent,
    current: login.sid === currentSid,
  };
}
