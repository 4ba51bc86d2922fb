import assert from "node:assert/strict";
import type { CallOptions, Environment, GatewayCase } from "./gateway_environment.ts";

const target = "/events/user";
const limit = 262_144;
const signature = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJVcHN0YXNoIn0.c2lnbmF0dXJl";
/** Bytes that any re-serialisation of JSON or text would change. */
const event = new TextEncoder().encode('\u00ef\u00bb{ "id" :"1",\r\n"n":1.0e0, "id":"2" }\n');

/** A delivery as QStash sends it: no origin, no credential, and a signature over the bytes. */
function delivery(options: CallOptions = {}): CallOptions {
  const { headers = [], ...rest } = options;
  return {
    method: "POST",
    body: event,
    ...rest,
    headers: [
      ["Content-Type", "application/cloudevents+json"],
      ["User-Agent", "Upstash-QStash"],
      ["Upstash-Signature", signature],
      ["Upstash-Message-Id", "msg_1"],
      ["Upstash-Retried", "2"],
      ...headers,
    ],
  };
}

/** Delivers; the upstream stores the bytes that it received. */
async function deliver({ call, echo }: Environment, options?: CallOptions, path = target) {
  const response = await call(path, delivery(options));
  return { response, seen: echo.seen.at(-1) };
}

/** What an event endpoint may respond, by its meaning for QStash. */
const serviceResponses: Readonly<Record<string, [number, Record<string, string>, string]>> = {
  "done": [200, { "content-type": "application/json" }, '{"outcome":"applied"}'],
  "do not retry": [489, {
    "content-type": "application/problem+json",
    "upstash-nonretryable-error": "true",
  }, '{"code":"event_unusable","status":489}'],
  "not signed": [401, {
    "content-type": "application/problem+json",
  }, '{"code":"event_signature_invalid","status":401}'],
  "later": [503, {
    "content-type": "application/problem+json",
    "retry-after": "7",
  }, '{"code":"event_postponed","status":503}'],
  "already in progress": [409, { "retry-after": "3" }, "busy"],
  "rate limited": [429, { "retry-after": "120", "upstash-retry-after": "x" }, ""],
};

export const deliveryCases: Readonly<Record<string, GatewayCase>> = {
  async "a delivery reaches its service with its bytes, its type and its signature"(environment) {
    const { echo } = environment;
    for (const body of [event, new Uint8Array(limit).fill(0x61), new Uint8Array(0)]) {
      const { response, seen } = await deliver(environment, { body });
      assert.equal(response.status, 200);
      assert.equal(seen?.target, target);
      assert.equal(seen?.bytes, body.length);
      if (body === event) assert.equal(seen.text, new TextDecoder().decode(event));
      assert.equal(seen?.headers.get("content-type"), "application/cloudevents+json");
      assert.equal(seen?.headers.get("upstash-signature"), signature);
      assert.equal(seen?.headers.get("upstash-message-id"), "msg_1");
      assert.equal(seen?.headers.get("upstash-retried"), "2");
    }
    await deliver(environment, {}, `${target}/failed`);
    assert.equal(echo.last().target, `${target}/failed`);
  },

  async "no credential of a delivery reaches its service, and none is looked at"(environment) {
    const { redis } = environment;
    const before = redis.roundTrips.length;
    for (const token of ["garbage", await environment.token()]) {
      const { response, seen } = await deliver(environment, {
        cookie: token,
        headers: [["Authorization", `Bearer ${token}`], ["X-Passport", token]],
      });
      assert.equal(response.status, 200);
      assert.deepEqual([seen?.headers.get("authorization"), seen?.headers.get("cookie")], [
        null,
        null,
      ]);
      assert.ok(seen && (await environment.passportOf(seen.headers)).sub === "anon");
    }
    assert.equal(redis.roundTrips.length, before);
  },

  async "[C04] a delivery has no origin and passes, a page's does not"(environment) {
    assert.equal((await deliver(environment)).response.status, 200);
    const before = environment.echo.seen.length;
    const headers = [["Origin", "https://evil.example"]] as const;
    const refused = await environment.json(target, delivery({ headers }));
    assert.equal(refused.code, "csrf_rejected");
    assert.equal(environment.echo.seen.length, before);
  },

  async "a service's response to a delivery passes unchanged"(environment) {
    for (const [what, [status, headers, text]] of Object.entries(serviceResponses)) {
      environment.echo.respondWith(() => new Response(text, { status, headers }));
      for (const path of [target, `${target}/failed`]) {
        const { response } = await deliver(environment, {}, path);
        assert.deepEqual([response.status, response.text], [status, text], what);
        for (const [name, value] of Object.entries(headers)) {
          assert.equal(response.headers.get(name), value, `${what} ${name}`);
        }
      }
    }
  },

  async "a delivery over 256 KiB is payload_too_large and goes no further"(environment) {
    const before = environment.echo.seen.length;
    const body = new Uint8Array(limit + 1).fill(0x61);
    assert.equal((await environment.json(target, delivery({ body }))).code, "payload_too_large");
    assert.equal(environment.echo.seen.length, before);
  },

  async "the trace of a delivery continues in its service"(environment) {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = [["traceparent", `00-${traceId}-00f067aa0ba902b7-01`]] as const;
    const { response, seen } = await deliver(environment, { headers });
    assert.equal(response.headers.get("x-trace-id"), traceId);
    assert.match(seen?.headers.get("traceparent") ?? "", new RegExp(`^00-${traceId}-`));
  },
};
