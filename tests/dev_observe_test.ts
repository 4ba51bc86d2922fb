import assert from "node:assert/strict";
import { databaseOwners, serviceNames } from "../dev/workspace/settings.ts";
import type {
  CompleteDeadEvent,
  Events,
  EventTrail,
  Health,
  Page,
  RequestDetail,
  RequestRow,
  ServiceMap,
  StoredLogLine,
} from "../dev/collector/api.ts";
import { parseEnv } from "node:util";
import { startCollector } from "./support/collector.ts";
import { fetchFromDashboard, isServedBy, seenWithinMs, traceOf } from "./support/dev_dashboard.ts";
import { askWhoIAm, bearer, demoLearner, logIn } from "./support/dev_people.ts";
import {
  type DevSystem,
  freePort,
  runDev,
  shareDev,
  startDev,
  temporaryWorkspace,
  waitUntilGone,
} from "./support/dev_system.ts";
import { waitUntil } from "./support/wait.ts";

const projectRoot = new URL("../", import.meta.url).pathname;

const anyDev = shareDev();

/** Spans without a parent in the trace: exactly one in a complete tree. */
function rootsOf({ spans }: RequestDetail): RequestDetail["spans"] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentId }) => parentId === null || !ids.has(parentId));
}

async function explain(workspace: string, traceId: string): Promise<string> {
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "explain", traceId],
    cwd: projectRoot,
    env: { EDGEPASS_HOME: workspace },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).replace(/\s+/g, " ");
}

Deno.test("a request is shown on the dashboard with every step, and explained in the terminal", async () => {
  const { workspace, system } = await anyDev();
  assert.match(
    system.output(),
    new RegExp(`Dashboard +http://127.0.0.1:${system.dashboardPort}\n`),
  );
  const token = await logIn(system, demoLearner);
  const response = await system.fetch("/users/me", { headers: bearer(token) });
  const detail = await traceOf(system, response, isServedBy("gateway", "user"));
  const { request, spans, logs, passport, verdicts } = detail;
  assert.deepEqual(
    [request?.method, request?.path, request?.route, request?.status, request?.code],
    ["GET", "/users/me", "/users/me", 200, null],
  );
  assert.equal(request?.services[0], "gateway");
  assert.ok(request?.services.includes("user"));
  const names = spans.map(({ service, name }) => `${service} ${name}`);
  for (const step of ["verify", "revocation", "sign", "envelope"]) {
    assert.ok(names.includes(`gateway gateway.${step}`), step);
  }
  assert.ok(names.includes("user GET /users/me"), names.join(", "));
  assert.ok(
    spans.some(({ service, attributes }) =>
      service === "user" && attributes["db.system.name"] === "sqlite"
    ),
  );
  assert.equal(passport?.claims.txn, request?.traceId);
  assert.equal(passport?.claims.sub, `user:${request?.sub}`);
  assert.deepEqual([verdicts[0]?.service, verdicts[0]?.verdict], ["user", "accepted"]);
  assert.ok(
    logs.some(({ service, message }) => service === "user" && message === "Request served"),
  );
  // No sensitive value is stored: neither a token nor an e-mail address.
  assert.doesNotMatch(JSON.stringify(detail), /eyJ|@edgepass\.local/);

  const explanation = await explain(workspace.path, request?.traceId ?? "");
  for (
    const part of [
      "GET /users/me got 200",
      "+ route /users/me, access: authenticated",
      "+ credential bearer",
      `sub ${request?.sub}`,
      "+ revocation clear",
      `+ sign Passport by key ${passport?.kid}`,
      "+ forward to user, which returned 200",
      "user GET /users/me 200",
      "Passport accepted",
    ]
  ) assert.ok(explanation.includes(part), `${part}\n${explanation}`);
});

/** Sends a command to the dashboard, as its page does. */
async function act(system: DevSystem, method: string, path: string, headers = {}) {
  return await fetch(`http://127.0.0.1:${system.dashboardPort}${path}`, { method, headers });
}

const ofPage = { "x-edgepass-page": "1" };

/** Sets the faults of a system's local QStash. */
async function setFaults(
  workspace: string,
  faults: Readonly<Record<string, number>>,
): Promise<void> {
  const settings = parseEnv(await Deno.readTextFile(`${workspace}/dev.env`));
  const response = await fetch(`${settings.QSTASH_URL}/v2/local/faults`, {
    method: "PUT",
    headers: { authorization: `Bearer ${settings.QSTASH_TOKEN}` },
    body: JSON.stringify(faults),
  });
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

async function rename(system: DevSystem, token: string, name: string): Promise<Response> {
  return await system.fetch("/users/me", {
    method: "PATCH",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
}

const isTold = (state: EventTrail["state"]) => ({ events }: RequestDetail): boolean =>
  events.length > 0 && events.every((event) => event.state === state);

Deno.test("an event is shown from its outbox to its consumers, while it is delivered", async () => {
  const { workspace, system } = await anyDev();
  const token = await logIn(system, demoLearner);
  await setFaults(workspace.path, { apiError: 1 });
  const waiting = await traceOf(system, await rename(system, token, "Ann"), isTold("waiting"));
  const traceId = waiting.request?.traceId ?? "";
  assert.equal(waiting.request?.path, "/users/me");
  assert.deepEqual(waiting.events.map(({ type, source }) => `${source} ${type}`), [
    "user user.profile-changed",
  ]);
  assert.match(
    await explain(workspace.path, traceId),
    /Events .* now +waits in the outbox of user/,
  );
  const before = await fetchFromDashboard<Events>(system, "/api/events");
  assert.equal(before.outboxes.find(({ service }) => service === "user")?.waiting, 1);
  assert.deepEqual([before.deadLetters, before.trouble], [null, "The local QStash returned 500"]);

  await setFaults(workspace.path, {});
  const isDone = isTold("done");
  const found: RequestDetail[] = [];
  await waitUntil("it is shown", async () => {
    found.unshift(await fetchFromDashboard<RequestDetail>(system, `/api/requests/${traceId}`));
    return found.slice(0, 1).some(isDone);
  }, 20_000);
  const [event] = found[0]?.events ?? [];
  assert.ok(event && event.publishedAt !== null && event.publishedAt >= event.storedAt);
  assert.ok(event.publishAttempts > 1, "it was tried in vain first");
  const outcomes = event.deliveries.map(({ consumer, state, attempts }) =>
    `${consumer} ${state} ${attempts.map(({ status, outcome }) => `${outcome} ${status}`)}`
  );
  assert.deepEqual(outcomes, ["course delivered applied 200"]);
  assert.match(
    await explain(workspace.path, traceId),
    /published to QStash at the \d+\w\w attempt .*delivered to course: applied \(200\)/,
  );
  const { events, deadLetters } = await fetchFromDashboard<Events>(system, "/api/events");
  assert.equal(events.find(({ id }) => id === event.id)?.state, "done");
  assert.deepEqual(deadLetters, []);
});

/** Publishes, by the local QStash, an event that the service always refuses. */
async function publishPoison(workspace: string, system: DevSystem, traceId: string): Promise<void> {
  const settings = parseEnv(await Deno.readTextFile(`${workspace}/dev.env`));
  const url = `${settings.PUBLIC_ORIGIN}/events/course`;
  assert.ok(settings.PUBLIC_ORIGIN?.endsWith(String(system.port)));
  const response = await fetch(`${settings.QSTASH_URL}/v2/publish/${url}`, {
    method: "POST",
    headers: { authorization: `Bearer ${settings.QSTASH_TOKEN}` },
    body: JSON.stringify({
      specversion: "1.0",
      id: "e-poison",
      source: "/user",
      type: "user.unheard-of",
      subject: "s-1",
      time: "2026-01-01T00:00:00.000Z",
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    }),
  });
  assert.ok(response.ok);
  await response.body?.cancel();
}

Deno.test("only the dashboard's own page can show, replay and delete dead letters", async () => {
  const { workspace, system } = await anyDev();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await publishPoison(workspace.path, system, traceId);
  const deadLetters = async () =>
    (await fetchFromDashboard<Events>(system, "/api/events")).deadLetters ?? [];
  await waitUntil(
    "it is a dead letter",
    async () => (await deadLetters()).length === 1,
    10_000,
  );
  const [deadLetter] = await deadLetters();
  assert.ok(deadLetter);
  const { consumer, type, poison, status } = deadLetter;
  assert.deepEqual([consumer, type, poison, status, deadLetter.traceId], [
    "course",
    "user.unheard-of",
    true,
    489,
    traceId,
  ]);
  const complete = await fetchFromDashboard<CompleteDeadEvent>(
    system,
    `/api/events/dead-letters/${deadLetter.id}`,
  );
  assert.ok(complete.event.includes("e-poison") && complete.answer.includes("event_unusable"));

  const path = `/api/events/dead-letters/${deadLetter.id}`;
  const refused = [{}, { ...ofPage, origin: "http://evil.test" }, {
    ...ofPage,
    "sec-fetch-site": "cross-site",
  }];
  for (const headers of refused) {
    for (const [method, at] of [["POST", path], ["DELETE", path], ["POST", parentOf(path)]]) {
      const response = await act(system, method ?? "", at ?? "", headers);
      assert.equal(response.status, 403, `${method} ${at}`);
      await response.body?.cancel();
    }
  }
  assert.equal((await deadLetters()).length, 1);
  const all = await act(system, "POST", parentOf(path), ofPage);
  assert.deepEqual(await all.json(), { replayed: 0, poison: 1 });
  const one = await act(system, "POST", path, ofPage);
  assert.deepEqual(await one.json(), { replayed: 1, poison: 0 });
  await waitUntil("it is a dead letter again", async () => {
    const [again] = await deadLetters();
    return again !== undefined && again.id !== deadLetter.id;
  }, 10_000);
  const gone = await act(system, "POST", path, ofPage);
  assert.equal(gone.status, 404);
  await gone.body?.cancel();
  const [again] = await deadLetters();
  const dropped = await act(system, "DELETE", `${parentOf(path)}/${again?.id}`, ofPage);
  assert.deepEqual(await dropped.json(), { dropped: 1 });
  assert.deepEqual(await deadLetters(), []);
  await waitUntil("both attempts are shown", async () => {
    const { events } = await fetchFromDashboard<Events>(system, "/api/events");
    return events.find(({ id }) => id === "e-poison")?.deliveries[0]?.attempts.length === 2;
  }, seenWithinMs);
});

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

Deno.test("the dashboard shows traffic, log lines, health, and a refused request", async () => {
  const { workspace, system } = await anyDev();
  const token = await logIn(system, demoLearner);
  await system.fetch("/auth/logout", { method: "POST", headers: bearer(token) });
  const response = await system.fetch("/users/me", { headers: bearer(token) });
  const { request } = await traceOf(system, response, isServedBy("gateway"));
  assert.deepEqual([request?.status, request?.code], [401, "token_revoked"]);
  const explanation = await explain(workspace.path, request?.traceId ?? "");
  assert.ok(
    explanation.includes("x revocation token_revoked: Token has been revoked"),
    explanation,
  );

  const { edges } = await fetchFromDashboard<ServiceMap>(system, "/api/map");
  const busy = edges.filter(({ requests }) => requests > 0).map(({ from, to }) => `${from}>${to}`);
  for (const edge of ["client>gateway", "gateway>redis", "gateway>auth", "auth>auth database"]) {
    assert.ok(busy.includes(edge), `${edge} of ${busy}`);
  }
  const { items } = await fetchFromDashboard<Page<StoredLogLine>>(
    system,
    "/api/logs?q=token_revoked",
  );
  assert.deepEqual(items.map(({ traceId }) => traceId), [request?.traceId]);
  const { parts, exits } = await fetchFromDashboard<Health>(system, "/api/health");
  assert.deepEqual(
    parts.map(({ kind, name, state }) => `${kind} ${name} ${state}`).toSorted(),
    [
      ...databaseOwners.map((name) => `database ${name} database ready`),
      "http edgepass ready",
      "process edgepass ready",
      "redis redis ready",
    ].toSorted(),
  );
  assert.deepEqual(exits, []);
  const rows = await fetchFromDashboard<Page<RequestRow>>(system, "/api/requests?limit=500");
  assert.ok(!rows.items.some(({ path }) => path === "/readyz"), "probes are no requests");
});

Deno.test("the event stream reports a request", async () => {
  const { system } = await anyDev();
  const aborter = new AbortController();
  const stream = await fetch(`http://127.0.0.1:${system.dashboardPort}/api/stream`, {
    signal: aborter.signal,
  });
  const response = await system.fetch("/courses");
  await response.body?.cancel();
  const traceId = response.headers.get("x-trace-id") ?? "none";
  let text = "";
  for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (/event: request\n.*\n.*\n/.test(text) && text.includes(traceId)) break;
  }
  assert.match(text, new RegExp(`data: \\{"traceId":"${traceId}"`));
  aborter.abort();
});

Deno.test("services in separate processes share one trace, and each reports its health", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path, args: ["--split"] });
  const token = await logIn(system, demoLearner);
  const courses = await system.fetch("/courses");
  const { data } = await courses.json();
  const response = await system.fetch("/enrollments", {
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: JSON.stringify({ courseId: data.items[0].id }),
  });
  assert.equal(response.status, 201);
  const isServed = isServedBy("gateway", "enrollment", "course");
  // Processes export at different times, so spans of consumers may arrive before those of the
  // producer.
  const { request, verdicts } = await traceOf(
    system,
    response,
    (detail) => isServed(detail) && rootsOf(detail).length === 1,
  );
  assert.equal(request?.route, "/enrollments");
  const judged = verdicts.map(({ service, verdict }) => `${service} ${verdict}`);
  assert.ok(judged.includes("enrollment accepted") && judged.includes("course accepted"));
  const { parts } = await fetchFromDashboard<Health>(system, "/api/health");
  const processes = parts.filter(({ kind }) => kind === "process").map(({ name }) => name);
  assert.deepEqual(processes.toSorted(), ["gateway", ...serviceNames].toSorted());
  assert.ok(parts.every(({ state }) => state === "ready"), JSON.stringify(parts));
});

Deno.test("an unsampled request is shown by its log lines", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({
    workspace: workspace.path,
    env: { OTEL_TRACES_SAMPLER_ARG: "0" },
  });
  const response = await system.fetch("/users/me");
  const { request, spans } = await traceOf(system, response, ({ logs }) => logs.length > 0);
  assert.deepEqual([request?.status, request?.code], [401, "authentication_required"]);
  assert.deepEqual(spans, []);
  const explanation = await explain(workspace.path, request?.traceId ?? "");
  assert.ok(explanation.includes("No span of it was stored"));
  assert.ok(explanation.includes("x verify authentication_required: Authentication required"));
});

Deno.test("a configured collector gets the same spans with its key, and dev stores them too", async () => {
  await using workspace = await temporaryWorkspace();
  await using collector = startCollector();
  await using system = await startDev({
    workspace: workspace.path,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20secret",
    },
  });
  const response = await system.fetch("/courses");
  const { request, spans } = await traceOf(system, response, isServedBy("gateway", "course"));
  const traceId = request?.traceId ?? "";
  await waitUntil(
    "the collector has the spans",
    () => collector.spans(traceId).length === spans.length,
    seenWithinMs,
  );
  assert.equal(collector.headers.at(-1)?.get("x-key"), "a secret");
  const file = await Deno.readTextFile(`${workspace.path}/dev.env`);
  assert.ok(file.includes(`OTEL_EXPORTER_OTLP_ENDPOINT='${collector.endpoint}'\n`));
});

Deno.test("the next start reports once how a process died and which requests were in flight", async () => {
  await using workspace = await temporaryWorkspace();
  const requested = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Response>();
  await using upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    requested.resolve();
    return held.promise;
  });
  const routes = [{
    prefix: "/slow",
    upstream: `http://127.0.0.1:${upstream.addr.port}`,
    access: "public",
  }];
  const env = { ROUTES: JSON.stringify(routes) };
  {
    await using system = await startDev({ workspace: workspace.path, env });
    const family = await system.family();
    const waiting = system.fetch("/slow/thing").catch(() => undefined);
    await requested.promise;
    // The product's process is the newest of the three.
    const { code } = await system.end("SIGKILL", family.at(-1));
    assert.equal(code, 137);
    await waiting;
    held.resolve(new Response());
    await waitUntilGone(family);
  }
  {
    await using system = await startDev({ workspace: workspace.path });
    assert.match(system.output(), /The last run: edgepass ended by SIGKILL at /);
    assert.match(system.output(), /under way for [\d.]+ m?s: GET \/slow\/thing/);
    const { exits } = await fetchFromDashboard<Health>(system, "/api/health");
    assert.deepEqual(exits.map(({ name, signal }) => [name, signal]), [["edgepass", "SIGKILL"]]);
    assert.equal(exits[0]?.inFlight[0]?.path, "/slow/thing");
    assert.equal(exits[0]?.isExpected, false);
    const [, command] = await system.family();
    assert.ok(command);
    await system.end("SIGKILL", command);
  }
  {
    await using system = await startDev({ workspace: workspace.path });
    assert.match(system.output(), /The last run: dev itself was killed, at about /);
    assert.doesNotMatch(system.output(), /ended by SIGKILL/);
  }
  await using system = await startDev({ workspace: workspace.path });
  assert.doesNotMatch(system.output(), /The last run/);
  assert.equal(await askWhoIAm(system, await logIn(system, demoLearner)), "200 Demo Learner");
});

Deno.test("deno task dev reports a dashboard port that is in use, or the gateway's port", async () => {
  await using workspace = await temporaryWorkspace();
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = String(other.addr.port);
  const port = freePort();
  const refusals = {
    [taken]: `Cannot start: DASHBOARD_PORT ${taken} is in use by another program; ` +
      "set DASHBOARD_PORT to another port",
    [port]: "Cannot start: DASHBOARD_PORT is the same as PORT; set one of them to another port",
  };
  for (const [given, line] of Object.entries(refusals)) {
    const env = { DASHBOARD_PORT: given };
    const { code, output } = await runDev({ workspace: workspace.path, port, env });
    assert.equal(code, 1);
    assert.deepEqual(output.trim().split("\n").filter((text) => !/^Task /.test(text)), [line]);
  }
});

Deno.test("the dashboard refuses other origins and hosts", async () => {
  const { system } = await anyDev();
  const client = Deno.createHttpClient({ allowHost: true });
  const refused = {
    421: { host: `evil.test:${system.dashboardPort}` },
    403: { origin: `http://127.0.0.1:${system.port}` },
  };
  for (const [status, headers] of Object.entries(refused)) {
    const response = await fetch(`http://127.0.0.1:${system.dashboardPort}/api/state`, {
      client,
      headers,
    });
    assert.equal(response.status, Number(status));
    await response.body?.cancel();
  }
  client.close();
});
