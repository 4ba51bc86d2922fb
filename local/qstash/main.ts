/**
 * Serves a local QStash as a process of its own:
 * `QSTASH_TOKEN=… deno run --allow-all local/qstash/main.ts --file <path> [--port <n>]`.
 *
 * The first line on stdout is `{"url"}` once it serves. Keys for a new file may be given as
 * `QSTASH_CURRENT_SIGNING_KEY` and `QSTASH_NEXT_SIGNING_KEY`.
 */
import { parseArgs } from "node:util";
import { openQstash } from "./mod.ts";

const { values } = parseArgs({
  options: { file: { type: "string" }, port: { type: "string", default: "0" } },
});
const { file, port } = values;
if (file === undefined) throw new TypeError("Cannot start: --file is missing");
const current = Deno.env.get("QSTASH_CURRENT_SIGNING_KEY");
const next = Deno.env.get("QSTASH_NEXT_SIGNING_KEY");
const qstash = openQstash({
  token: Deno.env.get("QSTASH_TOKEN") ?? "",
  path: file,
  ...(current && next ? { keys: { current, next } } : {}),
  onError: (cause) => console.error(cause),
});
const server = Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: ({ port }) => console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` })),
}, (request, { remoteAddr }) => qstash.handler(request, remoteAddr.hostname));
qstash.start();
const { promise: isRequested, resolve: request } = Promise.withResolvers<void>();
for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, request);
await isRequested;
await qstash.close();
await server.shutdown();
Deno.exit(0);
