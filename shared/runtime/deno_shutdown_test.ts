import assert from "node:assert/strict";

const entry = `
  import { serve } from ${JSON.stringify(new URL("./deno.ts", import.meta.url).href)};
  const data = new TextEncoder().encode("data\\n\\n");
  const endless = () => new ReadableStream({
    pull: (controller) => void setTimeout(() => controller.enqueue(data), 50),
  });
  const slow = () => new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode("begun"));
      await new Promise((resolve) => setTimeout(resolve, 200));
      controller.enqueue(new TextEncoder().encode("ended"));
      controller.close();
    },
  });
  await serve(() => ({
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/readyz") return new Response("ready");
      if (pathname === "/events") return new Response(endless(), { headers: { "content-type": "text/event-stream" } });
      if (pathname === "/slow") return new Response(slow());
      if (pathname === "/upload") return new Response("took " + (await request.bytes()).length);
      // The response is sent chunk by chunk, each when the request's next chunk has arrived.
      return new Response(request.body);
    },
  }));
`;

/** A process that serves, and a function that ends it. */
async function start() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--no-check", "--ext=ts", entry],
    cwd: new URL("../../", import.meta.url),
    env: { PORT: String(port), NO_COLOR: "1", AUTH_DB: "", USER_DB: "" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const readiness = async () => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`);
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  };
  const isReady = async () => await readiness() === 200;
  while (!await isReady()) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    port,
    /** Resolves when the process is not ready any more, whatever the cause. */
    async askToEnd() {
      child.kill("SIGTERM");
      while (await isReady()) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    ended: child.status,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended as requested.
      }
      await child.status;
    },
  };
}

/** A connection to a server, written and read piece by piece. */
async function connect(port: number) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = connection.readable.pipeThrough(new TextDecoderStream()).getReader();
  const writer = connection.writable.getWriter();
  const encoder = new TextEncoder();
  let received = "";
  return {
    write: (text: string) => writer.write(encoder.encode(text)),
    /** Reads until something was received; undefined when the connection ends without. */
    async readUntil(wanted: string): Promise<string | undefined> {
      while (!received.includes(wanted)) {
        const { value, done } = await reader.read().catch(() => ({ value: "", done: true }));
        if (done) return undefined;
        received += value;
      }
      return received;
    },
    async [Symbol.asyncDispose]() {
      await writer.abort().catch(() => {});
      await reader.cancel().catch(() => {});
    },
  };
}

const piece = "x".repeat(4_096);
const post = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${length}\r\n\r\n`;

Deno.test("[F74] an upload across SIGTERM arrives complete and gets its response", async () => {
  await using server = await start();
  await using client = await connect(server.port);
  await client.write(post("/upload", 3 * piece.length) + piece);
  await server.askToEnd();
  await client.write(piece);
  await client.write(piece);
  const response = await client.readUntil(`took ${3 * piece.length}`);
  assert.match(response ?? "", /^HTTP\/1\.1 200 /);
  assert.equal((await server.ended).code, 0);
});

Deno.test("[F74] a streamed response continues across SIGTERM to its end", async () => {
  await using server = await start();
  await using client = await connect(server.port);
  await client.write(post("/echo", 3) + "a");
  assert.ok(await client.readUntil("\r\na\r\n"));
  await server.askToEnd();
  await client.write("b");
  assert.ok(await client.readUntil("\r\nb\r\n"), "the second piece is lost");
  await client.write("c");
  assert.ok(await client.readUntil("\r\nc\r\n0\r\n\r\n"), "the end is lost");
  assert.equal((await server.ended).code, 0);
});

Deno.test("[F74] beside a stream without an end an upload completes, and requests during the drain are served or refused", async () => {
  await using server = await start();
  await using events = await connect(server.port);
  await events.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.ok(await events.readUntil("data"));
  await using client = await connect(server.port);
  await client.write(post("/upload", 2 * piece.length) + piece);
  await server.askToEnd();
  await client.write(piece);
  assert.ok(await client.readUntil(`took ${2 * piece.length}`));
  // Several clients, so that one of them has a request in flight at any time.
  const clients = Array.from({ length: 5 }, () => requestUntilRefused(server.port));
  for (const { served, cut } of await Promise.all(clients)) {
    assert.ok(served > 0);
    assert.equal(cut, 0, `${cut} of ${served + cut} requests had begun and did not end`);
  }
  assert.ok(await server.ended, "the stream does not keep the process alive");
});

/** How many requests, one after the other, had their whole response, and how many began only. */
async function requestUntilRefused(port: number): Promise<{ served: number; cut: number }> {
  let [served, cut] = [0, 0];
  for (;;) {
    try {
      await using client = await connect(port);
      await client.write("GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      if (await client.readUntil("begun") === undefined) continue;
      if (await client.readUntil("ended") === undefined) cut++;
      else served++;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return { served, cut };
    }
  }
}

Deno.test("[F74] a process without a request in flight ends at once, idle connections or not", async () => {
  await using server = await start();
  await using client = await connect(server.port);
  await client.write("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.ok(await client.readUntil("ready"));
  await server.askToEnd();
  assert.equal((await server.ended).code, 0);
});
