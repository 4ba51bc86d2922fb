import assert from "node:assert/strict";
import { type CollectedSpan, startCollector } from "./support/collector.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

const kinds = ["", "INTERNAL", "SERVER", "CLIENT"];
const email = "learner@edgepass.local";

/**
 * The spans of a first profile request, siblings by name: user has no profile yet and calls auth.
 */
const profileTree = [
  "gateway SERVER GET /users/me",
  "  gateway CLIENT GET",
  "    user SERVER GET /users/me",
  "      user CLIENT BATCH",
  "      user CLIENT GET",
  "        auth SERVER GET /internal/accounts/me",
  "          auth CLIENT QUERY",
  "      user CLIENT QUERY",
  "      user CLIENT QUERY",
  "  gateway INTERNAL gateway.envelope",
  "  gateway INTERNAL gateway.revocation",
  "  gateway INTERNAL gateway.sign",
  "  gateway INTERNAL gateway.verify",
];

for (const [placement, start] of Object.entries(targets)) {
  Deno.test(`the same spans reach a collector: ${placement}`, async () => {
    await using collector = startCollector();
    await using target = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20c2VjcmV0",
    });
    const cookie = await signIn(target);
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const parent = `00-${trace}-b7ad6b7169203331-00`;
    const me = await target.fetch("/users/me?token=zzz-not-to-be-seen", {
      headers: { cookie, traceparent: parent },
    });
    assert.equal(me.status, 200);
    assert.equal((await me.json()).traceId, trace);
    const spans = () => collector.spans(trace);
    await waitUntil("all spans", () => spans().length >= profileTree.length, 20_000);

    assert.deepEqual(draw(spans(), "b7ad6b7169203331"), profileTree);
    assert.equal(new Set(spans().map(({ spanId }) => spanId)).size, profileTree.length);
    assert.ok(collector.headers.every((sent) => sent.get("authorization") === "Basic c2VjcmV0"));
    const gateway = spans().find(({ parentSpanId }) => parentSpanId === "b7ad6b7169203331");
    assert.equal(gateway?.attributes["edgepass.rule"], "authenticated");
    assert.equal(gateway?.attributes["edgepass.credential"], "cookie");

    const all = collector.bodies.map(({ text }) => text).join("\n");
    for (
      const secret of [email, "zzz-not-to-be-seen", "a long enough passphrase", ...tokens(cookie)]
    ) {
      assert.ok(!all.includes(secret), "nothing secret is exported");
    }
  });
}

Deno.test("a trace is restarted at the edge with a link when it is configured", async () => {
  await using collector = startCollector();
  await using target = await targets["Deno, all in one"]({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    TRACE_INCOMING: "restart",
  });
  const from = "0af7651916cd43dd8448eb211c80319c";
  const response = await target.fetch("/courses", {
    headers: { traceparent: `00-${from}-b7ad6b7169203331-01` },
  });
  const { traceId } = await response.json();
  assert.notEqual(traceId, from);
  const root = () => collector.spans(traceId).find((span) => span.links.length > 0);
  await waitUntil("the root span", () => root()?.name === "GET /courses", 20_000);
  assert.deepEqual([root()?.name, root()?.parentSpanId], ["GET /courses", ""]);
  assert.deepEqual(root()?.links.map((link) => [link.traceId, link.spanId]), [
    [from, "b7ad6b7169203331"],
  ]);
});

Deno.test("the client's sampled flag decides nothing, the ratio does", async () => {
  await using collector = startCollector();
  await using target = await targets["Deno, all in one"]({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_SAMPLER_ARG: "0",
  });
  const response = await target.fetch("/courses", {
    headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
  await target.fetch("/livez").then((live) => live.body?.cancel());
  assert.deepEqual(collector.spans(), []);
});

Deno.test("workerd exports an unsampled request that failed, and no other", async () => {
  await using collector = startCollector();
  await using closed = startCollector();
  const gone = closed.endpoint;
  await closed[Symbol.asyncDispose]();
  await using target = await targets["workerd, all in one"]({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_SAMPLER_ARG: "0",
    SLOW_REQUEST_MS: "60000",
    ROUTES: JSON.stringify([{ prefix: "/gone", upstream: gone, access: "public" }]),
  });
  const fine = await (await target.fetch("/courses")).json();
  const failed = await target.fetch("/gone/x");
  assert.ok(failed.status >= 500);
  await failed.body?.cancel();
  const failedTrace = failed.headers.get("x-trace-id") ?? "none";
  await waitUntil("the failure", () => collector.spans(failedTrace).length > 0, 20_000);
  assert.deepEqual(collector.spans(fine.traceId), []);
});

async function signIn(target: Target): Promise<string> {
  const credentials = { email, password: "a long enough passphrase" };
  const post = (path: string, body: object) =>
    target.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const signup = await post("/auth/signup", { ...credentials, name: "Demo Learner" });
  assert.equal(signup.status, 201);
  await signup.body?.cancel();
  const login = await post("/auth/login", credentials);
  await login.body?.cancel();
  return login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
}

function tokens(cookie: string): string[] {
  return cookie.split("; ").map((pair) => pair.slice(pair.indexOf("=") + 1));
}

/** The spans as an indented list; a Worker's clock stands still, so siblings are sorted by name. */
function draw(spans: readonly CollectedSpan[], parent: string, depth = 0): string[] {
  const children = spans.filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((a, b) => a.name < b.name ? -1 : 1);
  return children.flatMap((span) => [
    `${"  ".repeat(depth)}${span.service} ${kinds[span.kind]} ${span.name}`,
    ...draw(spans, span.spanId, depth + 1),
  ]);
}
