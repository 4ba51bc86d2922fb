import { Problem } from "@edgepass/shared/problem";
import type { Hono } from "hono";
import { getOnly } from "./get_only.ts";
import type { GatewayEnv } from "./observe.ts";

/** Files of the package `swagger-ui-dist` that the page at `/docs` is made of. */
export const docsFiles = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  // The script's header comment links to it.
  "swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
} as const satisfies Record<string, string>;

/** Name of one of these files. */
export type DocsFile = keyof typeof docsFiles;

/** Reads one of the files; undefined where this installation does not have it. */
export type ReadDocsFile = (file: DocsFile) => Promise<Response | undefined>;

// Whatever the document contains, the page sends requests to this origin only, and no inline script
// runs.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; the document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
</body>
</html>
`;

// Without `validatorUrl: null` the page would send the document to a public service.
const start = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  queryConfigEnabled: false,
  persistAuthorization: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
`;

/** Adds the page at `/docs`, which works offline and sends no request to another origin. */
export function serveDocsPage(app: Hono<GatewayEnv>, readFile: ReadDocsFile): void {
  getOnly(app, "/docs", () => documentResponse(page, "text/html; charset=utf-8"));
  getOnly(app, "/docs/start.js", () => documentResponse(start, docsFiles["swagger-ui-bundle.js"]));
  getOnly(app, "/docs/:file", async (c) => {
    const name = c.req.param("file") ?? "";
    const file = isDocsFile(name) ? await readFile(name) : undefined;
    if (!isDocsFile(name) || !file) throw new Problem("not_found");
    return documentResponse(file.body, docsFiles[name], "public, max-age=3600");
  });
}

function isDocsFile(name: string): name is DocsFile {
  return Object.hasOwn(docsFiles, name);
}

/** Passes on a file's body only: headers of the server that stored it must not reach the client. */
function documentResponse(
  body: BodyInit | null,
  contentType: string,
  cacheControl = "no-cache",
): Response {
  return new Response(body, {
    headers: {
      "content-type": contentType,
      "cache-control": cacheControl,
      "content-security-policy": policy,
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
    },
  });
}
