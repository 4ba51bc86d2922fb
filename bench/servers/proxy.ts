/** The baseline: a fetch proxy that does nothing else. */
const upstream = Deno.env.get("UPSTREAM");
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, (request) => {
  const { pathname, search } = new URL(request.url);
  const { method, headers, body } = request;
  return fetch(upstream + pathname + search, { method, headers, body, redirect: "manual" });
});
