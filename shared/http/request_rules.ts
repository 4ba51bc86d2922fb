import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { TrieRouter } from "hono/router/trie-router";
import { decodeUtf8 } from "../crypto/encoding.ts";
import { Problem } from "../problem.ts";

const maxDepth = 64;
const jsonMediaType = /^application\/([\w.-]+\+)?json$/;

/** Limits the body size for requests that bypass the gateway; larger is `payload_too_large`. */
export function limitBody(maxBytes: number) {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Problem("payload_too_large");
    },
  });
}

/**
 * Refuses a body with a content coding in requests that bypass the gateway. Services do not decode
 * content codings, because the decoded size has no limit.
 *
 * @throws {Problem} `unsupported_media_type`
 */
export const requirePlainBody = createMiddleware(async function requirePlainBody(c, next) {
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new Problem("unsupported_media_type", {
      detail: "Body must not be compressed",
      headers: { "accept-encoding": "identity" },
    });
  }
  await next();
});

/**
 * Refuses a JSON body that two parsers could read differently.
 *
 * It refuses bytes that are not UTF-8, a byte order mark (RFC 8259 §8.1), and more than 64 levels.
 *
 * @throws {Problem} `malformed_json`
 */
export const requireStrictJson = createMiddleware(async function requireStrictJson(c, next) {
  const [mediaType = ""] = (c.req.header("content-type") ?? "").toLowerCase().split(";");
  if (c.req.raw.body !== null && jsonMediaType.test(mediaType.trim())) {
    // Hono caches the bytes, so its own parser can read them again.
    const text = decode(await c.req.arrayBuffer());
    if (text === undefined || isTooDeep(text)) throw new Problem("malformed_json");
  }
  await next();
});

function decode(bytes: ArrayBuffer): string | undefined {
  try {
    const text = decodeUtf8(bytes);
    return text.startsWith("\ufeff") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Counts brackets outside of strings; the parser refuses brackets that do not match. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (quoted && char === "\\") index++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if ((char === "{" || char === "[") && ++depth > maxDepth) return true;
    else if (char === "}" || char === "]") depth--;
  }
  return false;
}

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
