import { gatewayDocuments, type Upstream } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";

/** Who may use a route. `public` reads no credential; `optional` accepts one but requires none. */
export type AccessRule =
  | "public"
  | "optional"
  | "authenticated"
  | { readonly roles: readonly string[] };

/** Methods the gateway forwards; anything else is 405 everywhere. */
export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
/** A method that the gateway forwards. */
export type Method = typeof methods[number];

/** `strict` reads Redis on every request; bounded accepts a check of at most that age. */
export type RevocationMode = "strict" | { readonly boundedMs: number };

/** One row of the route table. */
export interface Route {
  /**
   * Whole segments. `/courses/{id}` is that path alone, `{id}` being any one segment;
   * `/courses/*` is `/courses` and everything below it.
   */
  readonly path: string;
  /** The service that gets the requests. */
  readonly upstream: Upstream;
  /** One rule for every method, or a rule per method; methods without one are 405. */
  readonly access: AccessRule | Readonly<Partial<Record<Exclude<Method, "HEAD">, AccessRule>>>;
  /** Whether JSON responses get the ApiResponse form; default true. */
  readonly envelope?: boolean;
  /** Time limit until the response's headers, in milliseconds; default 5000. */
  readonly timeoutMs?: number;
  /** How fresh the revocation check has to be; `strict` by default. */
  readonly revocation?: RevocationMode;
  /** Longest request body in bytes; default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** The upstream issues our cookies: it alone gets the refresh cookie and may set both. */
  readonly identityProvider?: boolean;
  /**
   * Whether every response, also a failure or a refusal, clears the token cookies: a user who logs
   * out at a shared machine must not stay logged in because the token had expired. A 429 or 5xx
   * keeps the refresh cookie for a retry, unless the identity provider clears it. Only a cross-site
   * request clears nothing. For the logout route; default false.
   */
  readonly clearsCookies?: boolean;
  /**
   * Whether a request body may have a `Content-Encoding`; by default where `envelope` is false. The
   * gateway does not limit the decoded size, so a service that does not decode must not get it.
   */
  readonly encodedBody?: boolean;
  /** Whether rate limits apply; default true. */
  readonly rateLimited?: boolean;
  /**
   * How often an event stream's token is checked for revocation, in milliseconds; default never.
   */
  readonly recheckMs?: number;
  /**
   * Stale-if-error (RFC 5861 §4): how long the caller's last response to a GET is served while the
   * upstream fails; never by default.
   */
  readonly fallback?: { readonly maxStaleSeconds: number };
  /** Whether the row is from `ROUTES` or the central configuration; default false. */
  readonly isExternal?: boolean;
}

type OffByDefault = "recheckMs" | "fallback";

/** A route with every default filled in. */
export interface CheckedRoute extends Required<Omit<Route, "access" | OffByDefault>> {
  readonly recheckMs: Route["recheckMs"] | undefined;
  readonly fallback: Route["fallback"] | undefined;
  readonly segments: readonly string[];
  readonly subtree: boolean;
  readonly allow: readonly Method[];
  ruleFor(method: string): AccessRule | undefined;
}

export interface RouteTable {
  readonly routes: readonly CheckedRoute[];
  /** @throws {Problem} `not_found`, `method_not_allowed` with `Allow` */
  find(segments: readonly string[], method: string): { route: CheckedRoute; rule: AccessRule };
  /** The route of a path for any method, for preflight requests. */
  at(segments: readonly string[]): CheckedRoute | undefined;
  /** The longest `timeoutMs` of an upstream's routes, by its name; undefined where it has none. */
  longestTimeoutMs(upstream: string): number | undefined;
}

/** Paths that the gateway itself serves, below a prefix that a service may have. */
const ownPaths = [{ path: "/admin/keys", segments: ["admin", "keys"] }];

/**
 * The rows of the product below the prefix of each external row. They are longer matches, so they
 * get requests that the operator wanted to send to a service of their own. `/` is meant as "all
 * that the product does not have".
 */
export function findShadowed(
  routes: readonly CheckedRoute[],
): { readonly route: string; readonly rows: readonly string[] }[] {
  const own = [...ownPaths, ...routes.filter(({ isExternal }) => !isExternal)];
  return routes.filter(({ isExternal, segments }) => isExternal && segments.length > 0)
    .map(({ path, segments }) => ({
      route: path,
      rows: own.filter((row) => segments.every((segment, at) => row.segments[at] === segment))
        .map((row) => row.path),
    }))
    .filter(({ rows }) => rows.length > 0);
}

interface Node {
  readonly literal: Map<string, Node>;
  parameter?: Node;
  exact?: CheckedRoute;
  subtree?: CheckedRoute;
}

/**
 * Checks a route table and makes it searchable. Segments match whole, and the longest match wins:
 * segment by segment, a literal goes before a parameter, and a parameter before the end of a
 * subtree. The cost of a search does not depend on the number of routes.
 *
 * @throws {RangeError} naming the route that is wrong, or that occurs twice
 */
export function createRouteTable(
  routes: readonly Route[],
  { maxTimeoutMs, nameOf = nameByPath }: {
    readonly maxTimeoutMs: number;
    /** A route's name in errors; settings use the variable and the position instead. */
    readonly nameOf?: (route: Route, position: number) => string;
  },
): RouteTable {
  const root: Node = { literal: new Map() };
  const checked = routes.map((route, position) => {
    const fail = (what: string): never => {
      throw new RangeError(`Cannot start: ${nameOf(route, position)} ${what}`);
    };
    const row = checkRoute(route, maxTimeoutMs, fail);
    insert(root, row, fail);
    return row;
  });
  const at = (segments: readonly string[]) => search(root, segments, 0);
  const longest = new Map<string, number>();
  for (const { upstream: { name }, timeoutMs } of checked) {
    longest.set(name, Math.max(timeoutMs, longest.get(name) ?? 0));
  }
  return {
    routes: checked,
    at,
    longestTimeoutMs: (upstream) => longest.get(upstream),
    find(segments, method) {
      const route = at(segments);
      if (!route) throw new Problem("not_found");
      const rule = route.ruleFor(method);
      if (rule === undefined) {
        throw new Problem("method_not_allowed", { headers: { allow: route.allow.join(", ") } });
      }
      return { route, rule };
    },
  };
}

function nameByPath({ path }: Route): string {
  return `route ${path}`;
}

const ownDocuments: ReadonlySet<string | undefined> = new Set(gatewayDocuments);

const pathPattern = /^\/(?:(?:[A-Za-z0-9\-._~]+|\{[A-Za-z][A-Za-z0-9]*\})(?:\/|$))*\*?$/;

function checkRoute(
  route: Route,
  maxTimeoutMs: number,
  fail: (what: string) => never,
): CheckedRoute {
  const { path, timeoutMs = 5000, maxBodyBytes = 1_048_576, revocation = "strict" } = route;
  if (!pathPattern.test(path) || path.split("/").some((part) => part === "." || part === "..")) {
    fail("must be a path of whole segments such as /courses/{id} or /courses/*");
  }
  if (path !== "/" && path.endsWith("/")) fail("must not end with a slash");
  if (ownDocuments.has(path.split("/")[1])) fail("is where the gateway has a document of its own");
  if (!(timeoutMs > 0 && timeoutMs <= maxTimeoutMs)) {
    fail(
      `has a timeoutMs of ${timeoutMs}: it must be at most the Passport's life, ${maxTimeoutMs}`,
    );
  }
  if (!(maxBodyBytes >= 0)) fail("has a negative maxBodyBytes");
  if (!((route.recheckMs ?? 1) > 0)) fail("has a recheckMs that is no time");
  if (!((route.fallback?.maxStaleSeconds ?? 1) > 0)) fail("has a fallback of no time");
  if (route.fallback && route.identityProvider) {
    fail("belongs to the identity provider, so it must not have a fallback");
  }
  if (revocation !== "strict" && !(revocation.boundedMs > 0)) fail("has no boundedMs above 0");
  if (route.clearsCookies && !route.identityProvider) fail("clears cookies that are not its own");
  const rules = readRules(route.access) ?? fail("has no access rule");
  const subtree = path.endsWith("/*");
  const segments = path.slice(1).split("/");
  return {
    path,
    upstream: route.upstream,
    envelope: route.envelope ?? true,
    timeoutMs,
    maxBodyBytes,
    revocation,
    identityProvider: route.identityProvider ?? false,
    clearsCookies: route.clearsCookies ?? false,
    encodedBody: route.encodedBody ?? !(route.envelope ?? true),
    rateLimited: route.rateLimited ?? true,
    isExternal: route.isExternal ?? false,
    recheckMs: route.recheckMs,
    fallback: route.fallback,
    segments: subtree ? segments.slice(0, -1) : segments,
    subtree,
    allow: methods.filter((method) => rules.has(method)),
    ruleFor: (method) => rules.get(method),
  };
}

function readRules(access: Route["access"] | undefined): Map<string, AccessRule> | undefined {
  if (isRule(access)) return new Map(methods.map((method) => [method, access]));
  if (typeof access !== "object" || access === null) return undefined;
  const rules = new Map<string, AccessRule>();
  for (const [method, rule] of Object.entries(access)) {
    if (!(methods as readonly string[]).includes(method) || !isRule(rule)) return undefined;
    rules.set(method, rule);
    if (method === "GET") rules.set("HEAD", rule);
  }
  return rules.size === 0 ? undefined : rules;
}

function isRule(access: unknown): access is AccessRule {
  if (access === "public" || access === "optional" || access === "authenticated") return true;
  return typeof access === "object" && access !== null && "roles" in access &&
    Array.isArray(access.roles) && access.roles.length > 0 &&
    access.roles.every((role) => typeof role === "string" && role !== "");
}

function insert(root: Node, route: CheckedRoute, fail: (what: string) => never): void {
  let node = root;
  for (const segment of route.segments) {
    if (segment.startsWith("{")) {
      node = node.parameter ??= { literal: new Map() };
    } else {
      const next: Node = node.literal.get(segment) ?? { literal: new Map() };
      node.literal.set(segment, next);
      node = next;
    }
  }
  const slot = route.subtree ? "subtree" : "exact";
  if (node[slot]) fail("is there twice");
  node[slot] = route;
}

function search(node: Node, segments: readonly string[], depth: number): CheckedRoute | undefined {
  const segment = segments[depth];
  if (segment === undefined) return node.exact ?? node.subtree;
  const literal = node.literal.get(segment);
  // A trailing slash makes an empty segment, which is not a value of a parameter.
  const parameter = segment === "" ? undefined : node.parameter;
  return (literal && search(literal, segments, depth + 1)) ??
    (parameter && search(parameter, segments, depth + 1)) ??
    node.subtree;
}
