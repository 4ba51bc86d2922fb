/** A server that reads a connection and closes it without a response. */
export function startUnansweringServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen: string[] = [];
  const served = (async () => {
    for await (const connection of listener) {
      const bytes = new Uint8Array(65_536);
      const count = await connection.read(bytes) ?? 0;
      seen.push(new TextDecoder().decode(bytes.subarray(0, count)).toLowerCase());
      connection.close();
    }
  })();
  return {
    /** Received text, one entry per connection. */
    seen,
    origin: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}
