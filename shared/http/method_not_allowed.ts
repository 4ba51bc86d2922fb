import type { MiddlewareHandler } from "hono";
import { TrieRouter } from "hono/router/trie-router";

/** What is known of an app's routes. */
interface RouteList {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/**
 * Answers 405 instead of 404 where the path has routes for other methods (RFC 9110 §15.5.6).
 *
 * Not Hono's own: that one reads a symbol private to its copy of Hono, so that a service mounted in an
 * application with another copy would answer 500 to every path it does not have.
 */
export function refuseOtherMethods(
  app: RouteList,
  refuse: (methods: readonly string[]) => Response,
): MiddlewareHandler {
  let router: TrieRouter<ReadonlySet<string>> | undefined;
  return async function refuseOtherMethods(c, next) {
    // Mounted at a path, the pattern has that path in front: `/api/*` instead of `/*`.
    const mountDepth = c.req.routePath.split("/").length - 2;
    await next();
    if (c.res.status !== 404 || c.error) return;
    router ??= toRouter(app);
    const ownPath = `/${c.req.path.split("/").slice(1 + mountDepth).join("/")}`;
    const methods = router.match("ALL", ownPath)[0].flatMap(([methods]) => [...methods]);
    if (methods.length === 0 || methods.includes(c.req.method)) return;
    // They would be merged into the new answer.
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
