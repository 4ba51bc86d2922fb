import assert from "node:assert/strict";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import type { GatewayCase } from "./gateway_environment.ts";

const mib = 1024 * 1024;

async function sha256(stream: ReadableStream<Uint8Array> | null): Promise<[string, number]> {
  // Digesting parts in turn keeps a large body out of memory.
  let digest = new Uint8Array(32);
  let bytes = 0;
  let kept = new Uint8Array(0);
  for await (const part of stream ?? []) {
    bytes += part.length;
    const joined = new Uint8Array(kept.length + part.length);
    joined.set(kept);
    joined.set(part, kept.length);
    const whole = joined.length - (joined.length % 65_536);
    for (let at = 0; at < whole; at += 65_536) {
      digest = await fold(digest, joined.subarray(at, at + 65_536));
    }
    kept = joined.slice(whole);
  }
  return [(await fold(digest, kept)).toHex(), bytes];
}

async function fold(digest: Uint8Array, part: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const input = new Uint8Array(digest.length + part.length);
  input.set(digest);
  input.set(part, digest.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", input));
}

/** Bytes that say where they are, made as they are asked for. */
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

/** What the client's own `fetch` did not inflate is inflated here. */
async function inflate(response: Response): Promise<string> {
  const bytes = await response.bytes();
  if (bytes[0] === "a".charCodeAt(0)) return new TextDecoder().decode(bytes);
  const named = response.headers.get("content-encoding");
  const coding = codings.find((one) => one === named);
  if (coding === undefined) return "compressed, and nothing says so";
  if (coding === "br") return new TextDecoder().decode(brotliDecompressSync(bytes));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(coding));
  return await new Response(stream).text();
}

export const fidelityCases: Readonly<Record<string, GatewayCase>> = {
  async "[H15] bodies of 0 B to 64 MB pass byte for byte"({ origin, echo }) {
    for (const bytes of [0, 1, 65_535, 65_536, 65_537, mib, 64 * mib]) {
      echo.answerWith(() =>
        new Response(stream(bytes), { headers: { "content-type": "application/json" } })
      );
      const response = await fetch(`${origin}/raw`);
      assert.equal(response.status, 200);
      assert.deepEqual(await sha256(response.body), await sha256(stream(bytes)), String(bytes));
    }
  },

  async "[H15] large uploads stream through, declared or not"({ origin, echo }) {
    const bytes = 32 * mib;
    echo.answerWith(() => Response.json({}));
    const response = await fetch(`${origin}/raw`, { method: "POST", body: stream(bytes) });
    await response.body?.cancel();
    assert.equal(response.status, 200);
    assert.equal(echo.last().bytes, bytes);
  },

  async "[H15] an upload is on its way before it has ended"({ origin, echo }) {
    const begun = Promise.withResolvers<void>();
    echo.answerWith((_request, { bytes }) => Response.json({ bytes }));
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        controller.enqueue(new Uint8Array(100_000));
        // The connection to the upstream is there before the body has its end.
        begun.resolve();
        await begun.promise;
        controller.close();
      },
    });
    const response = await fetch(`${origin}/public`, { method: "POST", body });
    assert.deepEqual((await response.json()).data, { bytes: 100_000 });
  },

  async "[H15] compressed answers arrive with their content, whoever inflates them"(environment) {
    const { call, origin, echo } = environment;
    const text = "all work and no play ".repeat(500);
    for (const coding of codings) {
      echo.answerWith(() =>
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
    // A client that takes no coding gets none it was not told of.
    for (const coding of ["gzip", "br"] as const) {
      echo.answerWith(() =>
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

  async "[H15] a compressed JSON answer is wrapped inflated, or refused"({ json, echo }) {
    const small = { a: 1 };
    const large = Array.from({ length: 40_000 }, (_, at) => at);
    const answer = (value: unknown, coding: Coding) => () =>
      new Response(compressed(JSON.stringify(value), coding), {
        headers: { "content-type": "application/json", "content-encoding": coding },
      });
    for (const coding of ["gzip", "br"] as const) {
      for (const value of [small, large]) {
        echo.answerWith(answer(value, coding));
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
    echo.answerWith(answer(small, "deflate"));
    assert.equal((await json("/public")).code, "upstream_bad_response");
  },

  async "[H15] an event is there before the next one is sent"({ origin, echo }) {
    const read = Promise.withResolvers<void>();
    echo.answerWith(() => {
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
      echo.answerWith(() =>
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
        const answer = await call(target, { headers: [["Range", "bytes=0-4"]] });
        assert.deepEqual([answer.status, answer.text, answer.complete], [status, body ?? "", true]);
      }
    }
    echo.answerWith(() => Response.json({ a: 1 }, { headers: { etag: '"1"' } }));
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
    echo.answerWith(() => {
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
      echo.answerWith(() =>
        new Response(text, { headers: { "content-type": "application/json; charset=utf-8" } })
      );
      const answer = await json("/public");
      const { traceId } = answer.value;
      assert.equal(answer.text, `{"success":true,"data":${text},"traceId":"${traceId}"}`);
      assert.equal(answer.headers.get("content-type"), "application/json");
      assert.ok(answer.complete);
    }
  },

  async "what is not JSON, or is not asked to be wrapped, passes as it is"({ call, echo }) {
    for (const type of ["text/html", "text/event-stream", "application/jsonl", "image/svg+xml"]) {
      echo.answerWith(() => new Response("{}", { headers: { "content-type": type } }));
      const { text, headers } = await call("/public");
      assert.deepEqual([text, headers.get("content-type")], ["{}", type]);
    }
    echo.answerWith(() => Response.json({ a: 1 }, { status: 404 }));
    const raw = await call("/raw");
    assert.deepEqual([raw.status, raw.text], [404, '{"a":1}']);
  },
};
