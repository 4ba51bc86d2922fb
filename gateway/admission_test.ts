import { importSecret } from "@edgepass/shared/crypto";
import { createLogger } from "@edgepass/shared/context";
import { noopTelemetry } from "@edgepass/shared/telemetry";
import assert from "node:assert/strict";
import { waitUntil } from "../tests/support/wait.ts";
import { createAdmission } from "./admission.ts";
import { createGateway, staticPassportSigningKeys } from "./mod.ts";

/** A gateway that decides no request before `finish`. */
function setup({ secure = false } = {}) {
  let at = 0;
  const lines: string[] = [];
  const admit = createAdmission({
    budgetMs: 100,
    processorMs: () => 0,
    log: createLogger({ service: "gateway", sink: (line) => void lines.push(line) }),
    telemetry: noopTelemetry(),
    secure,
    now: () => at,
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const served: string[] = [];
  const send = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    await admit(new Request(`http://edge.test${path}`, { headers }), async () => {
      served.push(path);
      if (!path.startsWith("/livez")) await promise;
      return new Response("served");
    });
  /** Sends so many requests that the queue does not move. */
  const overload = (): Promise<Response>[] => {
    const all = Array.from({ length: 40 }, () => send("/courses"));
    at += 501;
    return all;
  };
  return { admit, send, overload, finish: resolve, served, lines };
}

/** The log line about refusals is written a second later, by a timer of the process. */
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "[F72] a request over the limit is refused at once with Retry-After",
  options,
  async () => {
    const { send, overload, finish, served } = setup({ secure: true });
    const others = overload();
    const response = await send("/courses");
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "1");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("strict-transport-security"), "max-age=31536000");
    const { success, error, traceId } = await response.json();
    assert.deepEqual(error, { code: "upstream_unavailable", message: "Too much to do at present" });
    assert.equal(success, false);
    assert.equal(traceId, response.headers.get("x-trace-id"));
    assert.equal(served.length, 32);
    finish();
    for (const one of await Promise.all(others)) assert.equal(await one.text(), "served");
  },
);

Deno.test("a refusal is problem details for a client that accepts them", options, async () => {
  const { send, overload, finish } = setup();
  const others = overload();
  const response = await send("/courses", { accept: "application/problem+json" });
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const { type, status } = await response.json();
  assert.deepEqual([type, status], ["urn:problem:upstream_unavailable", 503]);
  finish();
  await Promise.all(others);
});

Deno.test("probes are served during overload", options, async () => {
  const { send, overload, finish } = setup();
  const others = overload();
  assert.equal((await send("/livez")).status, 200);
  assert.equal((await send("/livez?from=balancer")).status, 200);
  finish();
  await Promise.all(others);
});

Deno.test("a failed request releases its slot", async () => {
  const { admit } = setup();
  const failures = [
    () => {
      throw new TypeError("fault");
    },
    () => Promise.reject<Response>(new TypeError("fault")),
  ];
  for (const fail of failures) {
    // More than the limit admits, and more than may wait.
    for (let at = 0; at < 400; at++) {
      const request = new Request("http://edge.test/courses");
      await assert.rejects(async () => await admit(request, fail), TypeError);
    }
  }
});

Deno.test("refusals are reported together once a second, each of them once", options, async () => {
  const { send, overload, finish, lines } = setup();
  const others = overload();
  const refuse = async (times: number) => {
    for (let at = 0; at < times; at++) {
      const { status, body } = await send("/courses");
      await body?.cancel();
      assert.equal(status, 503);
    }
  };
  await refuse(3);
  await waitUntil("they are reported", () => lines.length === 1, 10_000);
  await refuse(2);
  await waitUntil("so are later ones", () => lines.length === 2, 10_000);
  assert.deepEqual(lines.map((line) => JSON.parse(line).refused), [3, 2]);
  finish();
  await Promise.all(others);
});

Deno.test("a request that is already decided delays no other, however long its service takes", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  let called = 0;
  const upstream = {
    name: "slow",
    async fetch() {
      called++;
      return (await promise).clone();
    },
  };
  const signing = await importSecret({
    kid: "p1",
    secret: crypto.getRandomValues(new Uint8Array(32)),
  });
  const gateway = createGateway({
    publicOrigin: "http://127.0.0.1:8787",
    issuers: [],
    routes: [{ path: "/slow", access: "public", upstream, timeoutMs: 30_000 }],
    revocation: { redis: { pipeline: () => Promise.reject(new Error("Unexpected call")) } },
    passport: {
      issuer: "test",
      audience: "test",
      keys: staticPassportSigningKeys([{ profile: "S", state: "signing", signing }]),
    },
    admission: { budgetMs: 100, processorMs: () => 0 },
    log: createLogger({ service: "gateway", sink: () => {} }),
  });
  const send = async () => await gateway.fetch(new Request("http://127.0.0.1:8787/slow"));
  const all = Array.from({ length: 200 }, send);
  try {
    await waitUntil("every one of them is sent on", () => called === all.length, 10_000);
  } finally {
    resolve(Response.json({}));
  }
  for (const response of await Promise.all(all)) {
    await response.body?.cancel();
    assert.equal(response.status, 200);
  }
});
