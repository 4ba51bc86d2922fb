import { Refusal, toRefusalResponse } from "./refusal.ts";

/** One path of the dashboard and its handler. */
export interface DashboardRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Complete segments; `:name` is any one. */
  readonly path: string;
  readonly handle: (request: Request, url: URL, parameter: string) => Response | Promise<Response>;
}

/** The page, as far as the server needs it. */
export interface DashboardPage {
  serve(request: Request): Response | undefined;
}

export interface ServerOptions {
  readonly port: number;
  readonly routes: readonly DashboardRoute[];
  readonly page: () => Promise<DashboardPage>;
  /** Called with unforeseen errors. */
  readonly onError: (cause: unknown) => void;
}

/** Nothing from other origins, no inline scripts, and no page may frame it. */
const pageHeaders = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

/**
 * Makes the dashboard's handler: first the check of host and origin, then the routes, then the
 * page.
 *
 * It requires no credentials and acts as the administrator on the central configuration, and every
 * web page that is open in a developer's browser can reach loopback. So it serves only requests to
 * its own name, which stops DNS rebinding, and only requests of its own pages.
 */
export function createServer(
  { port, routes, page, onError }: ServerOptions,
): (request: Request) => Promise<Response> {
  const hosts = new Set(["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`));

  async function handle(request: Request): Promise<Response> {
    requireOwnPage(request, hosts);
    const url = new URL(request.url);
    const found = routes.filter(({ path }) => match(path, url.pathname) !== undefined);
    const route = found.find(({ method }) => method === request.method);
    if (route) return await route.handle(request, url, match(route.path, url.pathname) ?? "");
    const allow = found.length > 0 ? found.map(({ method }) => method) : ["GET", "HEAD"];
    const isForPage = found.length === 0 && allow.includes(request.method);
    if (!isForPage) throw new Refusal(405, "Method not allowed", { allow: allow.join(", ") });
    return await servePage(request, page);
  }

  return async function serve(request) {
    try {
      return await handle(request);
    } catch (error) {
      // An unread body would keep the connection waiting.
      await request.body?.cancel().catch(() => {});
      if (error instanceof Refusal) return toRefusalResponse(error);
      onError(error);
      return toRefusalResponse(new Refusal(500, "Internal error"));
    }
  };
}

/** @throws {Refusal} 421 for another host, 403 for another origin or site */
function requireOwnPage({ headers }: Request, hosts: ReadonlySet<string>): void {
  const host = headers.get("host") ?? "";
  if (!hosts.has(host)) throw new Refusal(421, "Not a host of the dashboard");
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}`) throw new Refusal(403, "Another origin");
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site !== "same-origin" && site !== "none") throw new Refusal(403, "Another site");
}

/** The segment at the parameter, empty where the pattern has none; undefined: no match. */
function match(pattern: string, path: string): string | undefined {
  const [expected, given] = [pattern.split("/"), path.split("/")];
  if (expected.length !== given.length) return undefined;
  const isSame = expected.every((part, at) => part.startsWith(":") || part === given[at]);
  if (!isSame) return undefined;
  return given[expected.findIndex((part) => part.startsWith(":"))] ?? "";
}

async function servePage(request: Request, page: () => Promise<DashboardPage>): Promise<Response> {
  const response = (await page()).serve(request);
  if (!response) throw new Refusal(404, "Not found");
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(pageHeaders)) headers.set(name, value);
  return new Response(response.body, { status: response.status, headers });
}
