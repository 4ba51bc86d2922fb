import type { MiddlewareHandler } from "hono";
import { TrieRouter } from "hono/router/trie-router";

/** The routes of an app. */
interface RouteList {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/**
 * Responds with 405 instead of 404 if the path has routes for other methods (RFC 9110 §15.5.6).
 *
 * Hono's own middleware reads a symbol that is private to its copy of Hono. A service mounted in an
 * application with another copy would respond with 500 to every unknown path.
 */
export function refuseOtherMethods(
  app: RouteList,
  refuse: (methods: readonly string[]) => Response,
): MiddlewareHandler {
  let router: TrieRouter<ReadonlySet<string>> | undefined;
  return async function refuseOtherMethods(c, next) {
    // In a mounted app the pattern starts with the mount path: `/api/*` instead of `/*`.
    const mountDepth = c.req.routePath.split("/").length - 2;
    await next();
    if (c.res.status !== 404 || c.error) return;
    router ??= toRouter(app);
    const ownPath = `/${c.req.path.split("/").slice(1 + mountDepth).join("/")}`;
    const methods = router.match("ALL", ownPath)[0].flatMap(([methods]) => [...methods]);
    if (methods.length === 0 || methods.includes(c.req.method)) return;
    // Hono would merge these headers into the new response.
    for (const name of ["allow", "content-length"]) c.res.headers.delete(name);
    c.res = refuse([...new Set(methods)]);
  };
}

/** The methods of each path, found by the path. */
function toRouter({ routes }: RouteList): TrieRouter<ReadonlySet<string>> {
  const methodsByPath = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    if (method === "ALL" || method === "HEAD") continue;
    const methods = methodsByPath.get(path) ?? new Set();
    methodsByPath.set(path, methods.add(method));
    if (method === "GET") methods.add("HEAD");
  }
  const router = new TrieRouter<ReadonlySet<string>>();
  for (const [path, methods] of methodsByPath) router.add("ALL", path, methods);
  return router;
}
