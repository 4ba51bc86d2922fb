import { bundle } from "./bundle.ts";
import { headers, html, icon } from "./document.ts";

/** The dashboard's page, ready to be served. */
export interface Page {
  /** Serves the page's own paths: `/` and `/assets/…`; undefined for anything else. */
  serve(request: Request): Response | undefined;
}

const methods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/**
 * Builds the dashboard's page, in memory and once.
 *
 * It requests `/api/…` from its own origin, and nothing from any other.
 *
 * @throws {Error} when a source of the page does not compile
 */
export async function createPage(): Promise<Page> {
  const { script, styles } = await bundle();
  const files = new Map<string, readonly [type: string, body: string]>([
    ["/", ["text/html; charset=utf-8", html]],
    ["/assets/app.js", ["text/javascript; charset=utf-8", script]],
    ["/assets/app.css", ["text/css; charset=utf-8", styles]],
    ["/assets/icon.svg", ["image/svg+xml", icon]],
  ]);
  return {
    serve(request) {
      const file = files.get(new URL(request.url).pathname);
      if (!file) return undefined;
      if (!methods.has(request.method)) {
        return new Response(null, { status: 405, headers: { ...headers, allow: "GET, HEAD" } });
      }
      const [type, body] = file;
      const allHeaders = { ...headers, "content-type": type };
      return new Response(request.method === "HEAD" ? null : body, { headers: allHeaders });
    },
  };
}
