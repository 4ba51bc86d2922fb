import { createMiddleware } from "hono/factory";
import {
  createApi,
  createRoute,
  jsonBody,
  jsonResponse,
  noContent,
  type PassportEnv,
  type ServiceApp,
  toTime,
} from "@edgepass/shared/http";
import type { CookieNames } from "@edgepass/shared/tokens";
import type { Grant } from "../grants.ts";
import type { Logins } from "../logins.ts";
import type { Refresh } from "../refresh.ts";
import { Credentials, LoggedIn, Refreshed, TokenRequest, TokenResponse } from "../schema.ts";
import type { SignIn } from "../sign_in.ts";
import { toRoles } from "./accounts.ts";
import {
  after,
  dropTokenCookies,
  readClient,
  readRefreshCookie,
  requirePerson,
  setTokenCookies,
} from "./http_helpers.ts";
import { Problem } from "@edgepass/shared/problem";

const tags = ["Login"];

/** Responses of these routes may set or clear the cookies of a login. */
const cookies = { identityProvider: true } as const;

const login = createRoute({
  method: "post",
  path: "/auth/login",
  access: "public",
  gateway: cookies,
  operationId: "logIn",
  summary: "Log in with cookies",
  description: "Begins a new login, whatever cookies came along, and sets both cookies.",
  tags,
  request: jsonBody(Credentials),
  responses: { 200: jsonResponse("Logged in", LoggedIn) },
  problems: ["credentials_invalid", "rate_limited", "upstream_unavailable", "store_unavailable"],
});

const token = createRoute({
  method: "post",
  path: "/auth/token",
  access: "public",
  operationId: "getTokens",
  summary: "Get tokens without cookies",
  tags,
  request: jsonBody(TokenRequest),
  responses: { 200: jsonResponse("Both tokens", TokenResponse) },
  problems: [
    "credentials_invalid",
    "refresh_invalid",
    "refresh_reused",
    "rate_limited",
    "upstream_unavailable",
    "revocation_unavailable",
    "store_unavailable",
  ],
});

const refresh = createRoute({
  method: "post",
  path: "/auth/refresh",
  access: "public",
  gateway: cookies,
  operationId: "refresh",
  summary: "Exchange the refresh cookie for new cookies",
  tags,
  responses: { 200: jsonResponse("Both cookies are new", Refreshed) },
  problems: [
    "authentication_required",
    "ambiguous_credentials",
    "refresh_invalid",
    "refresh_reused",
    "revocation_unavailable",
    "store_unavailable",
  ],
});

const logout = createRoute({
  method: "post",
  path: "/auth/logout",
  access: "optional",
  gateway: { ...cookies, clearsCookies: true },
  operationId: "logOut",
  summary: "End this login",
  tags,
  responses: { 204: noContent("The login has ended and both cookies are gone") },
  problems: [
    "authentication_required",
    "ambiguous_credentials",
    "refresh_invalid",
    "revocation_unavailable",
    "store_unavailable",
  ],
});

const logoutAll = createRoute({
  method: "post",
  path: "/auth/logout-all",
  access: "authenticated",
  gateway: cookies,
  operationId: "logOutEverywhere",
  summary: "End every login of the person",
  tags,
  responses: { 204: noContent("Every login has ended and both cookies are gone") },
  problems: ["revocation_unavailable", "store_unavailable"],
});

export interface LoginRoutesOptions {
  readonly signIn: SignIn;
  readonly refreshTokens: Refresh;
  readonly logins: Logins;
  readonly names: CookieNames;
  /** The first administrator must exist before the first login. */
  readonly ensureAdministrator: () => Promise<void>;
}

/** Login, refresh and logout. */
export function loginRoutes(
  { signIn, refreshTokens, logins, names, ensureAdministrator }: LoginRoutesOptions,
): ServiceApp {
  const api = createApi();
  for (const path of ["/auth/login", "/auth/token"]) api.use(path, after(ensureAdministrator));
  api.use("/auth/refresh", dropRefusedCookies(names));
  api.use("/auth/logout", dropEndedCookies(names));
  return api
    .openapi(login, async (c) => {
      const { account, grant } = await signIn(c.req.valid("json"), readClient(c));
      setTokenCookies(c, names, grant);
      c.header("cache-control", "no-store");
      const user = { ...account, roles: toRoles(account.roles) };
      return c.json({ user, expiresAt: toTime(grant.accessExpiresAt) }, 200);
    })
    .openapi(token, async (c) => {
      const request = c.req.valid("json");
      const grant = request.grantType === "refresh_token"
        ? await refreshTokens(request.refreshToken)
        : (await signIn(request, readClient(c))).grant;
      c.header("cache-control", "no-store");
      return c.json(toTokenResponse(grant), 200);
    })
    .openapi(refresh, async (c) => {
      const cookie = readRefreshCookie(c, names);
      if (cookie === undefined) throw new Problem("authentication_required");
      const grant = await refreshTokens(cookie);
      setTokenCookies(c, names, grant);
      c.header("cache-control", "no-store");
      return c.json({ expiresAt: toTime(grant.accessExpiresAt) }, 200);
    })
    .openapi(logout, async (c) => {
      const { userId, sid } = c.var.passport;
      const isOurs = userId !== undefined && !userId.includes(":");
      await logins.logOut({
        sid: isOurs ? sid : undefined,
        refreshToken: readRefreshCookie(c, names),
      });
      dropTokenCookies(c, names);
      return c.body(null, 204);
    })
    .openapi(logoutAll, async (c) => {
      await logins.logOutEverywhere(requirePerson(c.var.passport));
      dropTokenCookies(c, names);
      return c.body(null, 204);
    });
}

/**
 * Deletes refused cookies from the browser. After a failure of ours (5xx) they may still be valid
 * and stay.
 */
function dropRefusedCookies(names: CookieNames) {
  return createMiddleware<PassportEnv>(async function dropRefusedCookies(c, next) {
    await next();
    const isRefused = c.res.status >= 400 && c.res.status < 500;
    if (isRefused && c.req.header("cookie") !== undefined) dropTokenCookies(c, names);
  });
}

/**
 * Deletes the cookies of a login that has ended although Redis has not received it yet: the log
 * has it and scheduled maintenance writes it to Redis. After any other failure of ours the login
 * may still be alive, so its refresh cookie stays for a retry.
 */
function dropEndedCookies(names: CookieNames) {
  return createMiddleware<PassportEnv>(async function dropEndedCookies(c, next) {
    await next();
    const isLogged = c.error instanceof Problem && c.error.code === "revocation_unavailable";
    if (isLogged) dropTokenCookies(c, names);
  });
}

function toTokenResponse(grant: Grant) {
  return {
    accessToken: grant.accessToken,
    refreshToken: grant.refreshToken,
    tokenType: "Bearer" as const,
    expiresIn: Math.floor((grant.accessExpiresAt - grant.issuedAt) / 1000),
  };
}
