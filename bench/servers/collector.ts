/** Receives what a program exports and discards it. */
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: () => console.log("ready"),
}, async (request) => {
  await request.bytes();
  return Response.json({});
});
