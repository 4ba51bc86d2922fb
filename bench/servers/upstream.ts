/** A tiny service: its own cost is not measured, only that of the gateway in front of it. */
const body = JSON.stringify({ id: "0192d3c0-0000-7000-8000-000000000000", name: "Someone" });
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, () => new Response(body, { headers: { "content-type": "application/json" } }));
