import { type Secret, toSecret } from "@edgepass/shared/secret";
import type { AccessToken, CookieNames } from "@edgepass/shared/tokens";

/** The verified token of a request, or an anonymous caller. */
export type Caller = AccessToken | "anonymous";

/** The credentials that a request presents; nothing is verified yet. */
export interface Credentials {
  /** The access token. */
  readonly access: PresentedCredential;
  /** The refresh cookie as received, for the identity provider alone. */
  readonly refreshCookies: readonly string[];
  /** Whether a bearer token is among them. */
  readonly bearer: boolean;
  /** Whether one of our cookies is among them. */
  readonly cookie: boolean;
}

/**
 * One access token, none, or more than one: choosing among them could authenticate the wrong
 * subject.
 */
export type PresentedCredential =
  | { readonly kind: "none" }
  | { readonly kind: "one"; readonly token: Secret }
  | { readonly kind: "ambiguous" };

const bearerScheme = /^bearer(?: +|$)/i;

/**
 * Reads the cookies of this origin's names, and the bearer token (RFC 6750 §2.1).
 *
 * Names are compared exactly: neither quoted, nor escaped, nor prefixed forms match, so that a
 * sibling subdomain cannot plant a cookie. The same name twice, or a cookie and a bearer token, is
 * ambiguous.
 */
export function readCredentials(headers: Headers, names: CookieNames): Credentials {
  const cookies = readCookies(headers.get("cookie") ?? "", names);
  const authorization = headers.get("authorization");
  const bearer = authorization !== null && bearerScheme.test(authorization)
    ? [authorization.replace(bearerScheme, "")]
    : [];
  return {
    access: present([...cookies.access, ...bearer]),
    refreshCookies: cookies.refresh,
    bearer: bearer.length > 0,
    cookie: cookies.access.length + cookies.refresh.length > 0,
  };
}

function present(tokens: readonly string[]): PresentedCredential {
  const [token] = tokens;
  if (token === undefined) return { kind: "none" };
  // Two Authorization headers arrive as one, joined by a comma.
  if (tokens.length > 1 || token.includes(",")) return { kind: "ambiguous" };
  return { kind: "one", token: toSecret(token) };
}

function readCookies(
  header: string,
  names: CookieNames,
): { access: string[]; refresh: string[] } {
  const found = { access: [] as string[], refresh: [] as string[] };
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const name = trimBlanks(pair.slice(0, equals));
    const value = trimBlanks(pair.slice(equals + 1));
    if (name === names.access) found.access.push(value);
    else if (name === names.refresh) found.refresh.push(value);
  }
  return found;
}

/** Space and tab only (RFC 6265 §5.2): `trim` would also remove a no-break space from a name. */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}
