import { build, stop } from "esbuild";
import { fileURLToPath } from "node:url";

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

/** The page before its script has run. Nothing in it is inline: the policy below forbids it. */
export const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Edgepass</title>
    <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/assets/app.css">
    <script src="/assets/app.js"></script>
  </head>
  <body>
    <noscript>This page is drawn by a script: allow scripts for it.</noscript>
    <div id="app"></div>
  </body>
</html>
`;

/** The tab's picture: a gate with a pass going through. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <rect width="32" height="32" rx="7" fill="#0e5c63"/>
  <path d="M9 25V13a7 7 0 0 1 14 0v12" fill="none" stroke="#fff" stroke-width="3"/>
  <path d="M5 20h22" stroke="#ffb08a" stroke-width="3" stroke-linecap="round"/>
</svg>
`;

/** The headers of every response of the page. */
export const headers: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The page's code in the two files that a browser loads. */
export interface Bundle {
  readonly script: string;
  readonly styles: string;
}

/**
 * Bundles the page in memory, in some tens of milliseconds: nothing is written or cached.
 *
 * @throws {Error} when a source does not compile; the message names file and line
 */
export async function bundle(): Promise<Bundle> {
  try {
    const { outputFiles } = await build({
      entryPoints: {
        "script": fileURLToPath(new URL("./main.tsx", import.meta.url)),
        "styles": fileURLToPath(new URL("./styles/app.css", import.meta.url)),
      },
      absWorkingDir: fileURLToPath(new URL("../../", import.meta.url)),
      outdir: "/",
      bundle: true,
      write: false,
      minify: true,
      format: "iife",
      target: "es2022",
      jsx: "automatic",
      jsxImportSource: "preact",
      legalComments: "none",
      logLevel: "silent",
      // Otherwise the bundler reads tsconfig.json, which belongs to another compiler.
      tsconfigRaw: {},
    });
    const textOf = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
    return { script: textOf(".js"), styles: textOf(".css") };
  } finally {
    // The bundler is a process of its own and would outlive its work.
    await stop();
  }
}
