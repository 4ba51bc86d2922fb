import assert from "node:assert/strict";
import { startCollector } from "./support/collector.ts";
import { projectRoot } from "./support/markdown.ts";
import { waitUntil } from "./support/wait.ts";
import { randomSecret } from "./settings.ts";

/** A program that uses Deno's own OpenTelemetry provider. */
function startHello(env: Readonly<Record<string, string>>) {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", `${projectRoot}tests/support/hello_deno.ts`],
    env: {
      PORT: String(port),
      ISSUER: "test",
      PASSPORT_KEYS: JSON.stringify([{ kid: "p1", secret: randomSecret(), state: "signing" }]),
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      ...env,
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  return { child, origin: `http://127.0.0.1:${port}` };
}

Deno.test("with OTEL_DENO our spans go through Deno's own provider", async () => {
  await using collector = startCollector();
  const { child, origin } = startHello({
    OTEL_PROPAGATORS: "none",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  });
  try {
    const isUp = () => fetch(`${origin}/livez`).then((live) => live.text(), () => false);
    await waitUntil("the program listens", async () => Boolean(await isUp()), 20_000);
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    assert.equal((await fetch(`${origin}/hello`, { headers })).status, 200);
    assert.equal((await fetch(`${origin}/metrics`)).status, 200);
    await waitUntil("the span", () => collector.spans(traceId).length > 0, 20_000);
    const [span] = collector.spans(traceId);
    assert.deepEqual(
      [span?.service, span?.name, span?.parentSpanId],
      ["hello", "GET /hello", "b7ad6b7169203331"],
    );
  } finally {
    child.kill("SIGKILL");
    await child.stderr.cancel();
    await child.status;
  }
});

Deno.test("a second traceparent propagator is refused at the start, in one line", async () => {
  const { child } = startHello({});
  const { code, stderr } = await child.output();
  assert.equal(code, 1);
  assert.equal(
    new TextDecoder().decode(stderr).trim(),
    "Cannot start: OTEL_PROPAGATORS must be none where OTEL_DENO is true",
  );
});
