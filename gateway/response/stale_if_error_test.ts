import { createLogger } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import type { Redis, RedisPipeline } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import type { Caller } from "../credentials.ts";
import { readTarget } from "../request/target.ts";
import { createStaleIfError } from "./stale_if_error.ts";

const person: Caller = {
  iss: "https://issuer.test",
  kid: "k",
  kind: "user",
  sub: "p",
  iat: 0,
  exp: 1,
  uv: 3,
  roles: ["learner"],
  scope: "",
};

interface RequestOptions {
  readonly path?: string;
  readonly bearer?: Caller;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly upstream?: string;
}

/** The cache uses these two commands only, and not their return values. */
function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

/** What the policy does where the cache does not apply. */
const passOn = {
  storeOrServeStale: (live: Response) => Promise.resolve(live),
  serveStale: (failure: unknown): Promise<Response> => Promise.reject(failure),
};

/** The stale-if-error cache over a Redis in memory, on a clock that the test controls. */
function setup(maxStaleSeconds: number | undefined = 60) {
  const values = new Map<string, string>();
  const written: string[] = [];
  const deleted: string[] = [];
  let now = 1_700_000_000_000;
  let isAway = false;
  const redis: Redis = {
    pipeline(build) {
      const replies: unknown[] = [];
      const commands = {
        get: (key: string) => replies.push(values.get(key) ?? null),
        eval(_script: string, [key = ""]: string[], [text]: string[]) {
          if (text === undefined) values.delete(key);
          else values.set(key, text);
          (text === undefined ? deleted : written).push(key);
          replies.push(1);
        },
      };
      build(toPipeline(commands));
      return isAway ? Promise.reject(new Error("away")) : Promise.resolve(replies);
    },
  };
  const log = createLogger({ service: "gateway", sink() {} });
  const staleIfError = createStaleIfError({ redis, now: () => now, log });
  const fallback = maxStaleSeconds > 0 ? { maxStaleSeconds } : undefined;
  const cacheFor = (
    { path = "/there?a=1", bearer = person, upstream: name = "there", ...init }: RequestOptions =
      {},
  ) => {
    const upstream = { name, fetch: () => Promise.reject(new Error("not called")) };
    const route = { path: "/there/*", upstream, fallback };
    const url = `http://gateway.test${path}`;
    const target = readTarget(url, { maxBytes: 8192, maxParameters: 200 });
    const request = new Request(url, init);
    return staleIfError({ request, target, route, caller: bearer }) ?? passOn;
  };
  return {
    cacheFor,
    written,
    deleted,
    wait: (ms: number) => now += ms,
    goAway: () => isAway = true,
    /** Sends a request that gets this live response. */
    async receive(live: Response, requestOptions: RequestOptions = {}) {
      const text = await (await cacheFor(requestOptions).storeOrServeStale(live)).text();
      await Promise.resolve();
      return text;
    },
    /** The stale response to a failure, or the failure's code. */
    async fail(
      requestOptions: RequestOptions = {},
      failure: unknown = new Problem("upstream_unavailable"),
    ) {
      try {
        const response = await cacheFor(requestOptions).serveStale(failure);
        return [await response.text(), response.headers.get("x-fallback")];
      } catch (error) {
        return error instanceof Problem ? error.code : String(error);
      }
    },
  };
}

const good = (body: unknown = { a: 1 }, headers: HeadersInit = {}) =>
  Response.json(body, { headers });
const isMissing = "upstream_unavailable";

Deno.test("the last good response is served for a failure, with its age", async () => {
  const { receive, fail, wait } = setup();
  assert.equal(await receive(good()), '{"a":1}');
  wait(12_999);
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=12"]);
});

Deno.test("a stale response replaces 500, 502, 503 and 504, and no other status", async () => {
  const { receive } = setup();
  await receive(good());
  for (const status of [500, 502, 503, 504]) {
    assert.equal(
      await receive(Response.json({ status }, { status })),
      '{"a":1}',
      String(status),
    );
  }
  for (const status of [400, 401, 404, 429, 501, 505]) {
    assert.equal(
      await receive(Response.json({ status }, { status })),
      JSON.stringify({ status }),
    );
  }
});

Deno.test("a stale response is at most as old as the route allows, to the millisecond", async () => {
  const { receive, fail, wait } = setup(60);
  await receive(good());
  wait(60_000);
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=60"]);
  wait(1);
  assert.equal(await fail(), isMissing);
});

Deno.test("a stale response is marked and must not be stored", async () => {
  const { cacheFor, receive } = setup();
  await receive(good({ a: 1 }, { "cache-control": "max-age=60", etag: '"1"', "x-a": "b" }));
  const { headers } = await cacheFor().serveStale(new Problem("upstream_timeout"));
  assert.deepEqual(Object.fromEntries(headers), {
    age: "0",
    "cache-control": "no-store",
    "content-type": "application/json",
    "x-fallback": "cache; age=0",
  });
});

const unlike: Readonly<Record<string, RequestOptions>> = {
  "another person": { bearer: { ...person, sub: "q" } },
  "the same subject of another issuer": { bearer: { ...person, alias: "corp" } },
  "the same subject of a tenant": {
    bearer: { ...person, alias: "corp", tenant: "t-1", hasTenantInNames: true },
  },
  "the person with other roles": { bearer: { ...person, roles: [] } },
  "a client with the person's id": { bearer: { ...person, kind: "client" } },
  "a client of another issuer with the person's id": {
    bearer: { ...person, alias: "corp", kind: "client" },
  },
  "the person with another claim of the issuer": { bearer: { ...person, extra: { plan: "team" } } },
  "the person with another scope": { bearer: { ...person, scope: "read" } },
  "the person since a change of the account": { bearer: { ...person, uv: 4 } },
  "an anonymous caller": { bearer: "anonymous" },
  "another upstream": { upstream: "elsewhere" },
  "another query": { path: "/there?a=2" },
  "another path": { path: "/there/more?a=1" },
  "another Accept": { headers: { accept: "application/hal+json" } },
  "another language": { headers: { "accept-language": "de" } },
  "another origin": { headers: { origin: "https://elsewhere.test" } },
  "a change": { method: "DELETE" },
  "HEAD": { method: "HEAD" },
  "a client that sends no-cache": { headers: { "cache-control": "no-cache" } },
};
for (const [who, requestOptions] of Object.entries(unlike)) {
  Deno.test(`[D05] a stored response is not served for ${who}`, async () => {
    const { receive, fail } = setup();
    await receive(good());
    assert.equal(await fail(requestOptions), isMissing);
  });
}

const unkept: Readonly<
  Record<string, readonly [live: () => Response, requestOptions?: RequestOptions]>
> = {
  "with no-store": [() => good({}, { "cache-control": "private, No-Store" })],
  "with no-cache": [() => good({}, { "cache-control": 'no-cache="set-cookie"' })],
  "with must-revalidate": [() => good({}, { "cache-control": "must-revalidate" })],
  "with proxy-revalidate": [() => good({}, { "cache-control": "proxy-revalidate" })],
  "that is private, to an anonymous caller": [
    () => good({}, { "cache-control": "private" }),
    { bearer: "anonymous" },
  ],
  "with a cookie": [() => good({}, { "set-cookie": "a=b" })],
  "that varies by a header outside of the key": [() => good({}, { vary: "Accept, X-Tenant" })],
  "that varies by everything": [() => good({}, { vary: "*" })],
  "that is itself a fallback": [() => good({}, { "x-fallback": "default" })],
  "that is compressed": [() => good({}, { "content-encoding": "br" })],
  "of another status": [() => Response.json({}, { status: 203 })],
  "of partial content": [() => Response.json({}, { status: 206 })],
  "whose media type is not JSON": [
    () => new Response("{}", { headers: { "content-type": "a/b" } }),
  ],
  "that is an event stream": [
    () => new Response("data: 1\n\n", { headers: { "content-type": "text/event-stream" } }),
  ],
  "whose body is not JSON": [() => new Response('{"a":', good())],
  "of a declared length that is too large": [
    () => good({ a: "x".repeat(65_536) }, { "content-length": "65544" }),
  ],
  "that is too large": [() => good({ a: "x".repeat(65_536) })],
  "to a client that sends no-store": [
    () => good(),
    { headers: { "cache-control": "no-store" } },
  ],
};
for (const [which, [live, requestOptions]] of Object.entries(unkept)) {
  Deno.test(`a response ${which} is passed on complete and not stored`, async () => {
    const { receive, written } = setup();
    assert.equal(await receive(live(), requestOptions), await live().text());
    assert.deepEqual(written, []);
  });
}

const untrue: Readonly<
  Record<string, readonly [live: () => Response, requestOptions?: RequestOptions]>
> = {
  "a response 404": [() => Response.json({}, { status: 404 })],
  "a refusal": [() => Response.json({}, { status: 403 })],
  "a response with no-store": [() => good({}, { "cache-control": "no-store" })],
  "a change by the same person": [() => Response.json({}), { method: "PATCH" }],
};
for (const [what, [live, requestOptions]] of Object.entries(untrue)) {
  Deno.test(`${what} deletes the stored response, once`, async () => {
    const { receive, fail, deleted } = setup();
    await receive(good());
    for (let at = 0; at < 3; at++) await receive(live(), requestOptions);
    assert.deepEqual([await fail(), deleted.length], [isMissing, 1]);
    await receive(good());
    assert.deepEqual(await fail(), ['{"a":1}', "cache; age=0"]);
  });
}

Deno.test("a response that does not invalidate the stored one deletes nothing", async () => {
  const { receive, deleted } = setup();
  await receive(good());
  for (const status of [206, 302, 400, 429, 501]) {
    await receive(Response.json({}, { status }));
  }
  await receive(new Response(null, { status: 304 }));
  await receive(good({}, { "x-fallback": "default" }));
  await receive(new Response('{"a":', good()));
  assert.deepEqual(deleted, []);
});

Deno.test("a refused change and an OPTIONS request delete nothing", async () => {
  const { receive, deleted } = setup();
  await receive(good());
  await receive(Response.json({}, { status: 409 }), { method: "PUT" });
  await receive(Response.json({}), { method: "OPTIONS" });
  assert.deepEqual(deleted, []);
});

Deno.test("a private response is stored for its own person", async () => {
  const { receive, fail } = setup();
  await receive(
    good({ a: 1 }, { "cache-control": "private", vary: "Cookie, Authorization" }),
  );
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=0"]);
});

Deno.test("one response is written once in ten seconds, however often it is received", async () => {
  const { receive, written, wait } = setup();
  for (let at = 0; at < 5; at++) await receive(good());
  await receive(good(), { path: "/there?a=2" });
  assert.equal(written.length, 2);
  wait(10_000);
  await receive(good());
  assert.equal(written.length, 3);
});

Deno.test("a deleted response is written again at once, whatever the clock does", async () => {
  const { receive, written, deleted, wait } = setup();
  await receive(good());
  await receive(new Response(null, { status: 204 }), { method: "DELETE" });
  assert.equal(deleted.length, 1);
  await receive(good());
  assert.equal(written.length, 2);
  wait(-3_600_000);
  await receive(good());
  assert.equal(written.length, 3);
});

Deno.test("an instance remembers its last write of at most 10000 responses", async () => {
  const { receive, written } = setup();
  const write = (at: number) => receive(good(), { path: `/there?a=${at}` });
  for (let at = 0; at <= 10_000; at++) await write(at);
  assert.equal(written.length, 10_001);
  await write(10_000);
  await write(1);
  assert.equal(written.length, 10_001, "these are remembered");
  await write(0);
  assert.equal(written.length, 10_002, "the first was evicted");
});

Deno.test("the body of a failed response is cancelled when a stale one is served", async () => {
  const { receive, cacheFor } = setup();
  await receive(good());
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream({ cancel: () => left.resolve() });
  const served = await cacheFor().storeOrServeStale(new Response(body, { status: 503 }));
  assert.equal(await served.text(), '{"a":1}');
  await within("the service's stream is cancelled", left.promise);
});

Deno.test("the cache key ends with the person and contains no other name", async () => {
  const { receive, written } = setup();
  await receive(good());
  await receive(good(), { bearer: { ...person, alias: "corp" } });
  await receive(good(), { bearer: "anonymous" });
  const parts = written.map((key) => /^fb:gateway:[\w-]{43}:(.+)$/.exec(key)?.[1]);
  assert.deepEqual(parts, ["p", "corp:p", "anon"]);
});

Deno.test("without Redis, or without a fallback on the route, the failure is passed on", async () => {
  const away = setup();
  await away.receive(good());
  away.goAway();
  assert.equal(await away.fail(), isMissing);
  const off = setup(0);
  await off.receive(good());
  assert.deepEqual([await off.fail(), off.written], [isMissing, []]);
});

Deno.test("no stale response is served for a refusal, an internal fault or a disconnected client", async () => {
  const { receive, fail } = setup();
  await receive(good());
  assert.equal(await fail({}, new Problem("payload_too_large")), "payload_too_large");
  assert.equal(await fail({}, new TypeError("a bug")), "TypeError: a bug");
  assert.equal(await fail({ signal: AbortSignal.abort() }), isMissing);
});
