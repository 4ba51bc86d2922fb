import assert from "node:assert/strict";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import type { GatewayCase } from "./gateway_environment.ts";

const mib = 1024 * 1024;

async function sha256(stream: ReadableStream<Uint8Array> | null): Promise<[string, number]> {
  // Digests part by part, so that a large body does not have to fit into memory.
  let digest = new Uint8Array(32);
  let bytes = 0;
  let rest = new Uint8Array(0);
  for await (const part of stream ?? []) {
    bytes += part.length;
    const joined = new Uint8Array(rest.length + part.length);
    joined.set(rest);
    joined.set(part, rest.length);
    const complete = joined.length - (joined.length % 65_536);
    for (let at = 0; at < complete; at += 65_536) {
      digest = await fold(digest, joined.subarray(at, at + 65_536));
    }
    rest = joined.slice(complete);
  }
  return [(await fold(digest, rest)).toHex(), bytes];
}

async function fold(digest: Uint8Array, part: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const input = new Uint8Array(digest.length + part.length);
  input.set(digest);
  input.set(part, digest.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", input));
}

/** Bytes that encode their position, generated on demand. */
function stream(bytes: number, chunk = 65_521): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at === bytes) return controller.close();
      const part = new Uint8Array(Math.min(chunk, bytes - at));
      for (let index = 0; index < part.length; index++) part[index] = (at + index) * 31;
      at += part.length;
      controller.enqueue(part);
    },
  });
}

const codings = ["gzip", "deflate", "br"] as const;
type Coding = (typeof codings)[number];

function compressed(text: string, coding: Coding): BodyInit {
  if (coding === "br") return new Uint8Array(brotliCompressSync(text));
  return new Blob([text]).stream().pipeThrough(new CompressionStream(coding));
}

/** Inflates what the client's `fetch` did not inflate. */
async function inflate(response: Response): Promise<string> {
  const bytes = await response.bytes();
  if (bytes[0] === "a".charCodeAt(0)) return new TextDecoder().decode(bytes);
  const named = response.headers.get("content-encoding");
  const coding = codings.find((one) => one === named);
  if (coding === undefined) return "compressed without a Content-Encoding";
  if (coding === "br") return new TextDecoder().decode(brotliDecompressSync(bytes));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(coding));
  return await new Response(stream).text();
}

export const fidelityCases: Readonly<Record<string, GatewayCase>> = {
  async "[H15] bodies of 0 B to 64 MB pass byte for byte"({ origin, echo }) {
    for (const bytes of [0, 1, 65_535, 65_536, 65_537, mib, 64 * mib]) {
      echo.respondWith(() =>
        new Response(stream(bytes), { headers: { "content-type": "application/json" } })
      );
      const response = await fetch(`${origin}/raw`);
      assert.equal(response.status, 200);
      assert.deepEqual(await sha256(response.body), await sha256(stream(bytes)), String(bytes));
    }
  },

  async "[H15] large uploads stream through, declared or not"({ origin, echo }) {
    const bytes = 32 * mib;
    echo.respondWith(() => Response.json({}));
    const response = await fetch(`${origin}/raw`, { method: "POST", body: stream(bytes) });
    await response.body?.cancel();
    assert.equal(response.status, 200);
    assert.equal(echo.last().bytes, bytes);
  },

  async "[H15] an upload reaches the upstream before it has ended"({ origin, echo }) {
    const begun = Promise.withResolvers<void>();
    echo.respondWith((_request, { bytes }) => Response.json({ bytes }));
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        controller.enqueue(new Uint8Array(100_000));
        // The upstream connection exists before the body has ended.
        begun.resolve();
        await begun.promise;
        controller.close();
      },
    });
    const response = await fetch(`${origin}/public`, { method: "POST", body });
    assert.deepEqual((await response.json()).data, { bytes: 100_000 });
  },

  async "[H15] compressed responses arrive with their content, whether client or gateway inflates them"(
    environment,
  ) {
    const { call, origin, echo } = environment;
    const text = "all work and no play ".repeat(500);
    for (const coding of codings) {
      echo.respondWith(() =>
        new Response(compressed(text, coding), {
          headers: { "content-type": "text/plain", "content-encoding": coding },
        })
      );
      for (const accepted of [coding, "identity"]) {
        for (const target of ["/raw", "/public"]) {
          const response = await fetch(`${origin}${target}`, {
            headers: { "accept-encoding": accepted },
          });
          assert.ok(await inflate(response) === text, `${coding} ${accepted} ${target}`);
        }
      }
    }
    // A client that accepts no coding must get an unencoded body.
    for (const coding of ["gzip", "br"] as const) {
      echo.respondWith(() =>
        new Response(compressed(text, coding), {
          headers: { "content-type": "text/plain", "content-encoding": coding },
        })
      );
      for (const target of ["/raw", "/public"]) {
        const plain = await call(target);
        assert.equal(plain.headers.get("content-encoding"), null, `${coding} ${target}`);
        assert.equal(plain.text, text);
      }
    }
  },

  async "[H15, F34] a compressed JSON response is inflated and wrapped, or passes as it is"(
    environment,
  ) {
    const { call, json, echo } = environment;
    const small = { a: 1 };
    const large = Array.from({ length: 40_000 }, (_, at) => at);
    const response = (value: unknown, coding: Coding) => () =>
      new Response(compressed(JSON.stringify(value), coding), {
        headers: { "content-type": "application/json", "content-encoding": coding },
      });
    for (const coding of ["gzip", "br"] as const) {
      for (const value of [small, large]) {
        echo.respondWith(response(value, coding));
        const wrapped = await json("/public");
        assert.deepEqual(wrapped.value.data, value, coding);
        const raw = await json("/raw");
        assert.equal(raw.text, JSON.stringify(value), coding);
        for (const { headers, complete } of [wrapped, raw]) {
          assert.equal(headers.get("content-encoding"), null, coding);
          assert.ok(complete);
        }
      }
    }
    echo.respondWith(response(small, "deflate"));
    const { status, headers, text } = await call("/public");
    assert.deepEqual([status, headers.get("content-encoding")], [200, "deflate"]);
    assert.doesNotMatch(text, /"success"/, "not in the envelope");
  },

  async "[H15] an event is there before the next one is sent"({ origin, echo }) {
    const read = Promise.withResolvers<void>();
    echo.respondWith(() => {
      const events = ["data: 1\n\n", "data: 2\n\n"];
      const body = new ReadableStream({
        async pull(controller) {
          const event = events.shift();
          if (event === undefined) return controller.close();
          if (events.length === 0) await read.promise;
          controller.enqueue(new TextEncoder().encode(event));
        },
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    for (const target of ["/raw"]) {
      const response = await fetch(`${origin}${target}`);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      assert.equal((await reader?.read())?.value, "data: 1\n\n");
      read.resolve();
      assert.equal((await reader?.read())?.value, "data: 2\n\n");
      assert.equal((await reader?.read())?.done, true);
    }
  },

  async "[H15] HEAD, 204, 205, 206 and 304 pass without being wrapped"({ call, echo }) {
    const shapes: readonly [number, BodyInit | null][] = [
      [204, null],
      [206, '{"a":'],
      [304, null],
    ];
    for (const [status, body] of shapes) {
      echo.respondWith(() =>
        new Response(body, {
          status,
          headers: {
            "content-type": "application/json",
            etag: '"1"',
            "content-range": "bytes 0-4/9",
          },
        })
      );
      for (const target of ["/raw", "/public"]) {
        const response = await call(target, { headers: [["Range", "bytes=0-4"]] });
        assert.deepEqual([response.status, response.text, response.complete], [
          status,
          body ?? "",
          true,
        ]);
      }
    }
    echo.respondWith(() => Response.json({ a: 1 }, { headers: { etag: '"1"' } }));
    const raw = await call("/raw", { method: "HEAD" });
    assert.deepEqual([raw.status, raw.text, raw.headers.get("etag")], [200, "", '"1"']);
    const wrapped = await call("/public", { method: "HEAD" });
    assert.deepEqual([wrapped.status, wrapped.text, wrapped.headers.get("etag")], [
      200,
      "",
      'W/"1"',
    ]);
    assert.notEqual(wrapped.headers.get("content-length"), "7");
  },

  async "[H15] several Set-Cookie headers stay several"({ call, echo }) {
    const cookies = ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2065 07:28:00 GMT", "c=3"];
    echo.respondWith(() => {
      const headers = new Headers();
      for (const cookie of cookies) headers.append("set-cookie", cookie);
      return Response.json({}, { headers });
    });
    for (const target of ["/raw", "/public"]) {
      assert.deepEqual((await call(target)).headers.getSetCookie(), cookies);
    }
  },

  async "the envelope holds the service's bytes, small or large"({ json, echo }) {
    const texts = [
      '{ "b" : 1.0e2,\n"a":"\\u00e9é\\ud83d\\ude00" , "b":2}',
      "null",
      '"text"',
      " [1 , 2]\n",
      "12345678901234567890",
      JSON.stringify("x".repeat(65_534)),
      JSON.stringify("x".repeat(65_535)),
      JSON.stringify(Array.from({ length: 40_000 }, (_, at) => at)),
    ];
    for (const text of texts) {
      echo.respondWith(() =>
        new Response(text, { headers: { "content-type": "application/json; charset=utf-8" } })
      );
      const response = await json("/public");
      const { traceId } = response.value;
      assert.equal(response.text, `{"success":true,"data":${text},"traceId":"${traceId}"}`);
      assert.equal(response.headers.get("content-type"), "application/json");
      assert.ok(response.complete);
    }
  },

  async "a body that is not JSON, or that is not to be wrapped, passes unchanged"({ call, echo }) {
    for (const type of ["text/html", "text/event-stream", "application/jsonl", "image/svg+xml"]) {
      echo.respondWith(() => new Response("{}", { headers: { "content-type": type } }));
      const { text, headers } = await call("/public");
      assert.deepEqual([text, headers.get("content-type")], ["{}", type]);
    }
    echo.respondWith(() => Response.json({ a: 1 }, { status: 404 }));
    const raw = await call("/raw");
    assert.deepEqual([raw.status, raw.text], [404, '{"a":1}']);
  },
};
