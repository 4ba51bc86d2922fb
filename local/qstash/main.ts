/**
 * Serves a local QStash as a process of its own: `QSTASH_TOKEN=… deno run --allow-all
 * local/qstash/main.ts --file <path> [--port <n>]`.
 *
 * The first line on stdout is `{"url"}` once it serves. Keys for a new file may be given as
 * `QSTASH_CURRENT_SIGNING_KEY` and `QSTASH_NEXT_SIGNING_KEY`.
 */
import { parseArgs } from "node:util";
import { announceUntilSignal, serveOnLoopback } from "../loopback.ts";
import { serveQstash } from "./qstash.ts";

const { values: { file, port } } = parseArgs({
  options: { file: { type: "string" }, port: { type: "string", default: "0" } },
});
if (file === undefined) throw new TypeError("Cannot start: --file is missing");
const current = Deno.env.get("QSTASH_CURRENT_SIGNING_KEY");
const next = Deno.env.get("QSTASH_NEXT_SIGNING_KEY");
const qstash = serveQstash({
  token: Deno.env.get("QSTASH_TOKEN") ?? "",
  path: file,
  ...(current && next ? { keys: { current, next } } : {}),
  serve: (handler) => serveOnLoopback(Number(port), handler),
  onError: (cause) => console.error(cause),
});
await announceUntilSignal(qstash.url);
await qstash.close();
Deno.exit(0);
