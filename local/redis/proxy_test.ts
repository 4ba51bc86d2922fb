import assert from "node:assert/strict";
import fc from "fast-check";
import { isFailure, isList, RedisUnavailable, type Reply, toOctets } from "./protocol.ts";
import { createRedisProxy } from "./proxy.ts";

type Serve = (connection: Deno.TcpConn, count: number) => Promise<void>;

/** A server whose connections, counted from 1, a test serves. */
function listen(serve: Serve) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const serving = (async () => {
    let count = 0;
    for await (const connection of listener) {
      open.add(connection);
      serve(connection, ++count).catch(() => {});
    }
  })();
  return {
    url: `redis://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of open) closeQuietly(connection);
    },
  };
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function replyToEach(connection: Deno.TcpConn, parts: () => Uint8Array[]): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65536);
  while (await connection.read(buffer) !== null) {
    for (const part of parts()) {
      await connection.write(part);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

function encode(reply: Reply): string {
  if (reply === null) return "$-1\r\n";
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply !== "object") return `:${reply}\r\n`;
  if (isList(reply)) return `*${reply.length}\r\n${reply.map(encode).join("")}`;
  return isFailure(reply) ? `-${reply.error}\r\n` : `+${reply.status}\r\n`;
}

const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
});
const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value
);
const { reply: replies } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    bytes,
    integer,
    fc.constant(null),
    fc.constantFrom({ error: "ERR no" }, { error: "WRONGTYPE that" }),
    fc.array(tie("reply"), { maxLength: 4 }),
  ),
}));

Deno.test("a reply is read completely however TCP splits it", async () => {
  let parts: Uint8Array[] = [];
  await using server = listen((connection) => replyToEach(connection, () => parts));
  const proxy = createRedisProxy({ url: server.url });
  await fc.assert(
    fc.asyncProperty(replies, fc.array(fc.nat(400), { maxLength: 4 }), async (reply, cuts) => {
      const encoded = toOctets(encode(reply));
      const places = [0, ...cuts.filter((cut) => cut < encoded.length), encoded.length];
      places.sort((left, right) => left - right);
      parts = places.slice(1).map((end, index) => encoded.subarray(places[index], end))
        .filter((part) => part.length > 0);
      assert.deepEqual(await proxy.execute(["GET", "k"]), reply);
    }),
    { numRuns: 100 },
  );
  await proxy.close();
});

Deno.test("a refused connection rejects, and the message does not contain the URL", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const proxy = createRedisProxy({ url: `redis://:hunter2@127.0.0.1:${port}` });
  for (const work of [() => proxy.execute(["PING"]), () => proxy.multi([["PING"]])]) {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof RedisUnavailable);
      assert.equal(error.message, "the Redis at REDIS_URL cannot be reached");
      return true;
    });
  }
  await proxy.close();
});

Deno.test("a broken connection fails pending commands and is reopened", async () => {
  await using server = listen(async (connection, count) => {
    if (count > 1) return await replyToEach(connection, () => [toOctets(`:${count}\r\n`)]);
    await connection.read(new Uint8Array(1024));
    connection.close();
  });
  const proxy = createRedisProxy({ url: server.url });
  const outcomes = await Promise.allSettled([
    proxy.execute(["INCR", "n"]),
    proxy.execute(["INCR", "n"]),
  ]);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof RedisUnavailable);
  }
  assert.equal(await proxy.execute(["INCR", "n"]), 2);
  await proxy.close();
});

Deno.test("a proxy may be used again after it was closed", async () => {
  await using server = listen((connection, count) =>
    replyToEach(connection, () => [toOctets(`:${count}\r\n`)])
  );
  const proxy = createRedisProxy({ url: server.url });
  assert.equal(await proxy.execute(["PING"]), 1);
  await proxy.close();
  assert.equal(await proxy.execute(["PING"]), 2);
  await proxy.close();
  await proxy.close();
});

for (const url of ["http://127.0.0.1:6379", "127.0.0.1:6379", "", "redis"]) {
  Deno.test(`the proxy refuses the URL "${url}"`, () => {
    assert.throws(() => createRedisProxy({ url }), {
      name: "TypeError",
      message: "Cannot use REDIS_URL: it must begin with redis:// or rediss://",
    });
  });
}
