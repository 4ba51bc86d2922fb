import assert from "node:assert/strict";
import { metricCatalogue, prometheusName } from "@edgepass/shared/telemetry";
import { startCollector } from "./support/collector.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

Deno.test("the gateway's metrics are for administrators, and only on long-lived processes", async () => {
  await using deno = await targets["Deno, all in one"]();
  await signUp(deno);
  const learner = await logIn(deno, learnerOf());
  const admin = await logIn(deno, deno.admin);
  assert.equal(await statusOf(deno, "/metrics"), 401);
  assert.equal(await statusOf(deno, "/metrics", { cookie: learner }), 403);
  assert.equal(await statusOf(deno, "/metrics", { cookie: admin }), 200);
  assert.equal(await statusOf(deno, "/metrics", { cookie: admin }, "POST"), 405);
  await deno.fetch("/auth/logout", { method: "POST", headers: { cookie: admin } });
  assert.equal(await statusOf(deno, "/metrics", { cookie: admin }), 401);

  await using workerd = await targets["workerd, all in one"]();
  const elsewhere = await logIn(workerd, workerd.admin);
  assert.equal(await statusOf(workerd, "/metrics", { cookie: elsewhere }), 404);
});

Deno.test("requests are counted under metric names of the catalogue", async () => {
  await using target = await targets["Deno, all in one"]();
  await signUp(target);
  await target.fetch("/auth/login", json({ ...learnerOf(), password: "not the password" }));
  const cookie = await logIn(target, learnerOf());
  assert.equal(await statusOf(target, "/users/me", { cookie }), 200);
  assert.equal(await statusOf(target, "/users/me"), 401);
  assert.equal(await statusOf(target, "/nowhere-1"), 404);
  assert.equal(await statusOf(target, "/nowhere-2"), 404);
  await target.fetch("/auth/logout", { method: "POST", headers: { cookie } });
  const admin = await logIn(target, target.admin);
  const text = await (await target.fetch("/metrics", { headers: { cookie: admin } })).text();
  const samples = readSamples(text);

  const bases = new Set(samples.map(({ name }) => name.replace(/_(bucket|sum|count)$/, "")));
  const catalogued = new Set(
    (Object.keys(metricCatalogue) as (keyof typeof metricCatalogue)[]).map(prometheusName),
  );
  for (const name of bases) assert.ok(catalogued.has(name), `${name} is in the catalogue`);

  const value = (name: string, labels: Record<string, string>) =>
    samples.filter((sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, expected]) => (sample.labels[label] ?? "") === expected)
    ).reduce((sum, sample) => sum + sample.value, 0);
  const signIns = prometheusName("edgepass.auth.sign_ins");
  assert.equal(value(signIns, { edgepass_outcome: "ok" }), 2);
  assert.equal(value(signIns, { edgepass_outcome: "credentials_invalid" }), 1);
  const refusals = prometheusName("edgepass.gateway.refusals");
  assert.equal(value(refusals, { error_type: "authentication_required" }), 1);
  assert.equal(value(refusals, { error_type: "not_found", http_route: "" }), 2);
  const issued = prometheusName("edgepass.passports.minted");
  assert.ok(value(issued, { edgepass_passport_subject: "user" }) >= 2);
  assert.ok(value(issued, { edgepass_passport_subject: "anon" }) >= 4);
  const requests = `${prometheusName("http.server.request.duration")}_count`;
  assert.equal(value(requests, { edgepass_service: "gateway", http_route: "/users/me" }), 2);
  assert.equal(value(requests, { edgepass_service: "user", http_route: "/users/me" }), 1);
  const revocations = prometheusName("edgepass.auth.revocations");
  assert.equal(value(revocations, { edgepass_revocation_kind: "login" }), 1);
  const checks = prometheusName("edgepass.revocation.checks");
  assert.ok(value(checks, { edgepass_revocation_answer: "clear" }) >= 2);
  assert.ok(value(`${prometheusName("db.client.operation.duration")}_count`, {}) > 0);
  assert.ok(value(`${prometheusName("edgepass.redis.round_trip.duration")}_count`, {}) >= 2);
  assert.ok(value(prometheusName("edgepass.redis.commands"), {}) >= 2);
  assert.equal(value(prometheusName("edgepass.upstream.active"), {}), 0);
  assert.ok(!text.includes("learner@"), "no e-mail address");
});

Deno.test("a Worker pushes its metrics", async () => {
  await using collector = startCollector();
  await using target = await targets["workerd, all in one"]({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_EXPORTER: "none",
  });
  assert.equal(await statusOf(target, "/courses"), 200);
  await waitUntil(
    "the request's duration",
    () => collector.metricNames().has("http.server.request.duration"),
    20_000,
  );
  assert.deepEqual(collector.spans(), []);
});

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Parses the Prometheus text format, and refuses a line that it cannot parse. */
function readSamples(text: string): Sample[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [, name = "", labels = "", value = ""] =
      /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
    const pairs = [...labels.matchAll(/([a-z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
    return {
      name,
      labels: Object.fromEntries(pairs.map(([, label = "", quoted = ""]) => [label, quoted])),
      value: Number(value),
    };
  });
}

function learnerOf() {
  return { email: "learner@edgepass.local", password: "a long enough passphrase" };
}

async function signUp(target: Target): Promise<void> {
  const signup = await target.fetch("/auth/signup", json({ ...learnerOf(), name: "Demo Learner" }));
  assert.equal(signup.status, 201);
  await signup.body?.cancel();
}

async function logIn(
  target: Target,
  credentials: { readonly email: string; readonly password: string },
): Promise<string> {
  const login = await target.fetch("/auth/login", json(credentials));
  assert.equal(login.status, 200);
  await login.body?.cancel();
  return login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
}

function json(body: object): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

async function statusOf(
  target: Target,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<number> {
  const response = await target.fetch(path, { method, headers });
  await response.body?.cancel();
  return response.status;
}
