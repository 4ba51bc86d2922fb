import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { toNetwork } from "@edgepass/shared/context";
import { type PassportEnv, requireUser } from "@edgepass/shared/http";
import type { Passport } from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import { clearTokenCookies, cookieAttributes, type CookieNames } from "@edgepass/shared/tokens";
import type { Client, Person } from "../options.ts";
import type { Grant } from "../grants.ts";

type AuthContext = Pick<Context, "header" | "req">;

const maxLabelLength = 200;

/** Where a request comes from; the gateway writes exactly one address. */
export function readClient(c: AuthContext): Client {
  const userAgent = c.req.header("user-agent")?.replace(/[^\x20-\x7e]/g, "").slice(
    0,
    maxLabelLength,
  );
  return {
    network: toNetwork(c.req.header("x-forwarded-for")),
    userAgent: userAgent || null,
    signal: c.req.raw.signal,
  };
}

/**
 * The refresh cookie, unchanged.
 *
 * @throws {Problem} `ambiguous_credentials` when there are two of that name
 */
export function readRefreshCookie(c: AuthContext, names: CookieNames): string | undefined {
  const values = readCookies(c.req.header("cookie"), names.refresh);
  if (values.length > 1) throw new Problem("ambiguous_credentials");
  return values[0];
}

/** Sends both tokens to a browser. */
export function setTokenCookies(c: AuthContext, names: CookieNames, grant: Grant): void {
  const lifeOf = (value: string, expiresAt: number) => ({
    value,
    maxAgeSeconds: (expiresAt - grant.issuedAt) / 1000,
  });
  const cookies = writeTokenCookies(names, {
    access: lifeOf(grant.accessToken, grant.accessExpiresAt),
    refresh: lifeOf(grant.refreshToken, grant.refreshExpiresAt),
  });
  for (const cookie of cookies) c.header("set-cookie", cookie, { append: true });
}

/** Deletes both tokens from a browser. */
export function dropTokenCookies(c: AuthContext, names: CookieNames): void {
  for (const cookie of clearTokenCookies(names)) c.header("set-cookie", cookie, { append: true });
}

/**
 * The person of the request, with their login; people of other issuers have none here.
 *
 * @throws {Problem} `authentication_required` or `forbidden`
 */
export function requirePerson(passport: Passport): Person {
  const { userId, sid } = requireUser(passport);
  if (sid === undefined || userId.includes(":")) throw new Problem("forbidden");
  return { userId, sid };
}

/** Work that must be done before a request is read. */
export function after(work: () => Promise<void>) {
  return createMiddleware<PassportEnv>(async function after(_c, next) {
    await work();
    await next();
  });
}

/** A cookie's value and its Max-Age in seconds. */
interface CookieLife {
  readonly value: string;
  readonly maxAgeSeconds: number;
}

/**
 * The values a Cookie header has under one name, byte for byte.
 *
 * Stricter than the usual parsers, which unquote, percent-decode and trim more than spaces and so
 * take several spellings for one name or value (RFC 6265 §5.4): here the name is exact.
 */
export function readCookies(header: string | undefined, name: string): string[] {
  return (header ?? "").split(";").flatMap((pair) => {
    const [, found, value = ""] = /^[ \t]*([^=]*)=([^]*?)[ \t]*$/.exec(pair) ?? [];
    return found === name ? [value] : [];
  });
}

/** The two Set-Cookie values that give a login's tokens to a browser. */
function writeTokenCookies(
  names: CookieNames,
  { access, refresh }: { access: CookieLife; refresh: CookieLife },
): [access: string, refresh: string] {
  return [
    `${names.access}=${access.value}; ${cookieAttributes(access.maxAgeSeconds, "Lax", names)}`,
    `${names.refresh}=${refresh.value}; ${
      cookieAttributes(refresh.maxAgeSeconds, "Strict", names)
    }`,
  ];
}
