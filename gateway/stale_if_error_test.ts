import { createLogger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import type { Redis, RedisPipeline } from "@edgepass/shared/redis";
import assert from "node:assert/strict";
import { within } from "../tests/support/wait.ts";
import type { Caller } from "./identify.ts";
import { createStaleIfError } from "./stale_if_error.ts";
import { readTarget } from "./target.ts";

const person: Caller = {
  iss: "https://issuer.test",
  kid: "k",
  sub: "p",
  iat: 0,
  exp: 1,
  uv: 3,
  roles: ["learner"],
  scope: "",
};

interface Question {
  readonly path?: string;
  readonly bearer?: Caller;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly upstream?: string;
}

/** Last answers use these two commands of it, and nothing of what they return. */
function toPipeline(commands: object): RedisPipeline {
  return commands as RedisPipeline;
}

/** Last answers over a Redis in memory, by a clock of the test's own. */
function setup(maxStaleSeconds: number | undefined = 60) {
  const values = new Map<string, string>();
  const written: string[] = [];
  const dropped: string[] = [];
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
          (text === undefined ? dropped : written).push(key);
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
  const ask = (
    { path = "/there?a=1", bearer = person, upstream: name = "there", ...init }: Question = {},
  ) => {
    const upstream = { name, fetch: () => Promise.reject(new Error("not asked")) };
    const route = { path: "/there/*", upstream, fallback };
    const url = `http://gateway.test${path}`;
    const target = readTarget(url, { maxBytes: 8192, maxParameters: 200 });
    return staleIfError({ request: new Request(url, init), target, route, bearer });
  };
  return {
    ask,
    written,
    dropped,
    wait: (ms: number) => now += ms,
    goAway: () => isAway = true,
    /** Asks, and is answered this. */
    async readEdgeState(live: Response, question: Question = {}) {
      const text = await (await ask(question).storeOrServeStale(live)).text();
      await Promise.resolve();
      return text;
    },
    /** What stands in for a failure, or the failure's code. */
    async fail(question: Question = {}, failure: unknown = new Problem("upstream_unavailable")) {
      try {
        const response = await ask(question).serveStale(failure);
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

Deno.test("the last good answer stands in for a failure, and tells its age", async () => {
  const { readEdgeState, fail, wait } = setup();
  assert.equal(await readEdgeState(good()), '{"a":1}');
  wait(12_999);
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=12"]);
});

Deno.test("it stands in for an answer of 500, 502, 503 and 504, and for no other", async () => {
  const { readEdgeState } = setup();
  await readEdgeState(good());
  for (const status of [500, 502, 503, 504]) {
    assert.equal(
      await readEdgeState(Response.json({ status }, { status })),
      '{"a":1}',
      String(status),
    );
  }
  for (const status of [400, 401, 404, 429, 501, 505]) {
    assert.equal(
      await readEdgeState(Response.json({ status }, { status })),
      JSON.stringify({ status }),
    );
  }
});

Deno.test("it is as old as the route allows and not a millisecond older", async () => {
  const { readEdgeState, fail, wait } = setup(60);
  await readEdgeState(good());
  wait(60_000);
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=60"]);
  wait(1);
  assert.equal(await fail(), isMissing);
});

Deno.test("nobody further on may keep it or take it for live", async () => {
  const { ask, readEdgeState } = setup();
  await readEdgeState(good({ a: 1 }, { "cache-control": "max-age=60", etag: '"1"', "x-a": "b" }));
  const { headers } = await ask().serveStale(new Problem("upstream_timeout"));
  assert.deepEqual(Object.fromEntries(headers), {
    age: "0",
    "cache-control": "no-store",
    "content-type": "application/json",
    "x-fallback": "cache; age=0",
  });
});

const unlike: Readonly<Record<string, Question>> = {
  "somebody else": { bearer: { ...person, sub: "q" } },
  "the same subject of another issuer": { bearer: { ...person, alias: "corp" } },
  "the person with other roles": { bearer: { ...person, roles: [] } },
  "the person with another scope": { bearer: { ...person, scope: "read" } },
  "the person since a change of the account": { bearer: { ...person, uv: 4 } },
  "nobody": { bearer: "anonymous" },
  "another upstream": { upstream: "elsewhere" },
  "another query": { path: "/there?a=2" },
  "another path": { path: "/there/more?a=1" },
  "another Accept": { headers: { accept: "application/hal+json" } },
  "another language": { headers: { "accept-language": "de" } },
  "another origin": { headers: { origin: "https://elsewhere.test" } },
  "a change": { method: "DELETE" },
  "HEAD": { method: "HEAD" },
  "somebody who wants it fresh": { headers: { "cache-control": "no-cache" } },
};
for (const [who, question] of Object.entries(unlike)) {
  Deno.test(`[D05] nothing of it stands in for ${who}`, async () => {
    const { readEdgeState, fail } = setup();
    await readEdgeState(good());
    assert.equal(await fail(question), isMissing);
  });
}

const unkept: Readonly<Record<string, readonly [live: () => Response, question?: Question]>> = {
  "with no-store": [() => good({}, { "cache-control": "private, No-Store" })],
  "with no-cache": [() => good({}, { "cache-control": 'no-cache="set-cookie"' })],
  "with must-revalidate": [() => good({}, { "cache-control": "must-revalidate" })],
  "with proxy-revalidate": [() => good({}, { "cache-control": "proxy-revalidate" })],
  "that is private, to nobody in particular": [
    () => good({}, { "cache-control": "private" }),
    { bearer: "anonymous" },
  ],
  "with a cookie": [() => good({}, { "set-cookie": "a=b" })],
  "chosen by a header that is not looked at": [() => good({}, { vary: "Accept, X-Tenant" })],
  "chosen by anything": [() => good({}, { vary: "*" })],
  "that stands in itself": [() => good({}, { "x-fallback": "default" })],
  "that is compressed": [() => good({}, { "content-encoding": "br" })],
  "of another status": [() => Response.json({}, { status: 203 })],
  "of a part": [() => Response.json({}, { status: 206 })],
  "that is no JSON by its name": [() => new Response("{}", { headers: { "content-type": "a/b" } })],
  "that is a stream of events": [
    () => new Response("data: 1\n\n", { headers: { "content-type": "text/event-stream" } }),
  ],
  "that is no JSON by its body": [() => new Response('{"a":', good())],
  "of a declared length that is too large": [
    () => good({ a: "x".repeat(65_536) }, { "content-length": "65544" }),
  ],
  "that is too large": [() => good({ a: "x".repeat(65_536) })],
  "to somebody who wants it unkept": [
    () => good(),
    { headers: { "cache-control": "no-store" } },
  ],
};
for (const [which, [live, question]] of Object.entries(unkept)) {
  Deno.test(`an answer ${which} is passed on whole and not kept`, async () => {
    const { readEdgeState, written } = setup();
    assert.equal(await readEdgeState(live(), question), await live().text());
    assert.deepEqual(written, []);
  });
}

const untrue: Readonly<Record<string, readonly [live: () => Response, question?: Question]>> = {
  "an answer that there is no such thing": [() => Response.json({}, { status: 404 })],
  "a refusal": [() => Response.json({}, { status: 403 })],
  "an answer that must not be kept": [() => good({}, { "cache-control": "no-store" })],
  "a change by the same person": [() => Response.json({}), { method: "PATCH" }],
};
for (const [what, [live, question]] of Object.entries(untrue)) {
  Deno.test(`${what} drops what was kept, once`, async () => {
    const { readEdgeState, fail, dropped } = setup();
    await readEdgeState(good());
    for (let at = 0; at < 3; at++) await readEdgeState(live(), question);
    assert.deepEqual([await fail(), dropped.length], [isMissing, 1]);
    await readEdgeState(good());
    assert.deepEqual(await fail(), ['{"a":1}', "cache; age=0"]);
  });
}

Deno.test("what says nothing of the answer drops nothing", async () => {
  const { readEdgeState, dropped } = setup();
  await readEdgeState(good());
  for (const status of [206, 302, 400, 429, 501]) {
    await readEdgeState(Response.json({}, { status }));
  }
  await readEdgeState(new Response(null, { status: 304 }));
  await readEdgeState(good({}, { "x-fallback": "default" }));
  await readEdgeState(new Response('{"a":', good()));
  assert.deepEqual(dropped, []);
});

Deno.test("a change that was refused, or that asks what is allowed, drops nothing", async () => {
  const { readEdgeState, dropped } = setup();
  await readEdgeState(good());
  await readEdgeState(Response.json({}, { status: 409 }), { method: "PUT" });
  await readEdgeState(Response.json({}), { method: "OPTIONS" });
  assert.deepEqual(dropped, []);
});

Deno.test("a private answer is kept for the person it is for", async () => {
  const { readEdgeState, fail } = setup();
  await readEdgeState(
    good({ a: 1 }, { "cache-control": "private", vary: "Cookie, Authorization" }),
  );
  assert.deepEqual(await fail(), ['{"a":1}', "cache; age=0"]);
});

Deno.test("one answer is written once in ten seconds, however often it is given", async () => {
  const { readEdgeState, written, wait } = setup();
  for (let at = 0; at < 5; at++) await readEdgeState(good());
  await readEdgeState(good(), { path: "/there?a=2" });
  assert.equal(written.length, 2);
  wait(10_000);
  await readEdgeState(good());
  assert.equal(written.length, 3);
});

Deno.test("what was written and then dropped is written again at once, whatever the clock does", async () => {
  const { readEdgeState, written, dropped, wait } = setup();
  await readEdgeState(good());
  await readEdgeState(new Response(null, { status: 204 }), { method: "DELETE" });
  assert.equal(dropped.length, 1);
  await readEdgeState(good());
  assert.equal(written.length, 2);
  wait(-3_600_000);
  await readEdgeState(good());
  assert.equal(written.length, 3);
});

Deno.test("an instance remembers what it wrote last of 10000 answers and no more", async () => {
  const { readEdgeState, written } = setup();
  const write = (at: number) => readEdgeState(good(), { path: `/there?a=${at}` });
  for (let at = 0; at <= 10_000; at++) await write(at);
  assert.equal(written.length, 10_001);
  await write(10_000);
  await write(1);
  assert.equal(written.length, 10_001, "these are known");
  await write(0);
  assert.equal(written.length, 10_002, "the first had to make room");
});

Deno.test("a failed answer that another one stands in for is let go", async () => {
  const { readEdgeState, ask } = setup();
  await readEdgeState(good());
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream({ cancel: () => left.resolve() });
  const answer = await ask().storeOrServeStale(new Response(body, { status: 503 }));
  assert.equal(await answer.text(), '{"a":1}');
  await within("the service is told that its reader left", left.promise);
});

Deno.test("the key ends with the person, and names nothing else", async () => {
  const { readEdgeState, written } = setup();
  await readEdgeState(good());
  await readEdgeState(good(), { bearer: { ...person, alias: "corp" } });
  await readEdgeState(good(), { bearer: "anonymous" });
  const parts = written.map((key) => /^fb:gateway:[\w-]{43}:(.+)$/.exec(key)?.[1]);
  assert.deepEqual(parts, ["p", "corp:p", "anon"]);
});

Deno.test("a Redis that is away, or a route that does not ask, leaves the failure as it is", async () => {
  const away = setup();
  await away.readEdgeState(good());
  away.goAway();
  assert.equal(await away.fail(), isMissing);
  const off = setup(0);
  await off.readEdgeState(good());
  assert.deepEqual([await off.fail(), off.written], [isMissing, []]);
});

Deno.test("nothing stands in for a refusal, a fault of ours, or to somebody who left", async () => {
  const { readEdgeState, fail } = setup();
  await readEdgeState(good());
  assert.equal(await fail({}, new Problem("payload_too_large")), "payload_too_large");
  assert.equal(await fail({}, new TypeError("a bug")), "TypeError: a bug");
  assert.equal(await fail({ signal: AbortSignal.abort() }), isMissing);
});
