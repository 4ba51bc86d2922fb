import { openQstash } from "@edgepass/local/qstash";

/** A QStash in a process of its own, which stores its messages in `FILE`. */
const qstash = openQstash({
  token: Deno.env.get("TOKEN") ?? "",
  path: Deno.env.get("FILE") ?? ":memory:",
  keys: { current: Deno.env.get("CURRENT_KEY") ?? "", next: Deno.env.get("NEXT_KEY") ?? "" },
  onError: (cause) => console.error(cause),
});
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, (request, { remoteAddr }) => qstash.handler(request, remoteAddr.hostname));
qstash.start();
