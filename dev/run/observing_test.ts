import assert from "node:assert/strict";
import * as z from "zod/mini";
import {
  listBaseSettings,
  requireTelemetrySettings,
  toDeliveryNote,
  toForwardTargets,
} from "./observing.ts";
import type { LogNote } from "@edgepass/local/qstash";
import { configurationSchema } from "@edgepass/contracts/configuration";
import { isObject, objectAt } from "../../tests/support/json.ts";
import { serviceNames } from "../workspace/settings.ts";

const endpoint = "https://collector.test/otlp/";

Deno.test("telemetry is forwarded to the given collector, with its key", () => {
  const targets = toForwardTargets({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "https://logs.test/in",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b",
  });
  assert.deepEqual(targets, {
    urls: {
      traces: "https://collector.test/otlp/v1/traces",
      metrics: "https://collector.test/otlp/v1/metrics",
      logs: "https://logs.test/in",
    },
    headers: { "x-key": "a b" },
  });
});

Deno.test("nothing is forwarded without a collector", () => {
  assert.equal(toForwardTargets({}), undefined);
});

Deno.test("dev never forwards to itself, even with the settings of dev.env", () => {
  const own = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:8788", DASHBOARD_PORT: "8788" };
  assert.equal(toForwardTargets(own), undefined);
});

const malformed = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "collector",
  OTEL_EXPORTER_OTLP_HEADERS: "no pair",
  OTEL_TRACES_SAMPLER_ARG: "2",
  TRACE_INCOMING: "drop",
} as const;
for (const [name, value] of Object.entries(malformed)) {
  Deno.test(`a ${name} that is malformed is refused by name, without its value`, () => {
    assert.throws(
      () => requireTelemetrySettings({ [name]: value }),
      (error) =>
        error instanceof Error && error.message.startsWith(`Cannot start: ${name}`) &&
        !error.message.includes(value),
    );
  });
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const event = {
  id: "e-1",
  type: "user.deleted",
  subject: "u-1",
  source: "/auth",
  time: "2026-01-01T00:00:00.000Z",
  traceparent: `00-${traceId}-b7ad6b7169203331-01`,
};
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function note(
  state: LogNote["state"],
  { url = "https://school.test/events/course", body = encode(event), response }: {
    url?: string;
    body?: Uint8Array<ArrayBuffer>;
    response?: readonly [status: number, body: unknown];
  } = {},
): LogNote {
  const delivery = { method: "POST", header: {}, maxRetries: 5, labels: [] };
  const origin = { callerIp: "127.0.0.1" };
  const letter = { id: "m-1", url, body, delivery, origin, createdAt: 1 };
  if (!response) return { time: 7, state, letter };
  const [status, content] = response;
  return { time: 7, state, letter, attempt: { status, header: {}, body: encode(content) } };
}

const cases: Readonly<
  Record<string, readonly [LogNote["state"], readonly [number, unknown], string]>
> = {
  "an effect": ["DELIVERED", [200, { outcome: "applied" }], "delivered 200 applied"],
  "poison": ["ERROR", [489, { code: "event_unusable" }], "failed 489 poison"],
  "a busy consumer": ["ERROR", [503, { code: "event_postponed" }], "failed 503 busy"],
  "a database that is away": ["ERROR", [503, { code: "store_unavailable" }], "failed 503 busy"],
  "another problem": ["ERROR", [504, { code: "upstream_timeout" }], "failed 504 upstream_timeout"],
  "no response": ["ERROR", [0, ""], "failed null null"],
  "something else": ["FAILED", [500, []], "dead 500 null"],
};
for (const [what, [state, response, expected]] of Object.entries(cases)) {
  Deno.test(`a log entry of QStash with ${what} is reported with status and outcome`, () => {
    const reported = toDeliveryNote(note(state, { response }));
    assert.equal(`${reported?.state} ${reported?.status} ${reported?.outcome}`, expected);
  });
}

Deno.test("a delivery note has its event, its trace and its consumer", () => {
  const { consumer, eventId, source, storedAt, traceId: of, type, subject } =
    toDeliveryNote(note("CREATED")) ?? {};
  assert.deepEqual([consumer, eventId, source, storedAt, of, type, subject], [
    "course",
    "e-1",
    "auth",
    Date.parse(event.time),
    traceId,
    "user.deleted",
    "u-1",
  ]);
});

const unreported: Readonly<Record<string, LogNote>> = {
  "the start of an attempt": note("ACTIVE"),
  "a coming retry": note("RETRY"),
  "a failure callback": note("CREATED", { url: "https://school.test/events/course/failed" }),
  "a message to another host": note("CREATED", { url: "https://other.test/hooks" }),
  "a body that is not an event": note("CREATED", { body: encode({ id: 1 }) }),
  "a body that is not JSON": note("CREATED", { body: new Uint8Array([0xff]) }),
  "an event without a trace": note("CREATED", { body: encode({ ...event, traceparent: "x" }) }),
};
for (const [what, given] of Object.entries(unreported)) {
  Deno.test(`the dashboard receives no note of ${what}`, () => {
    assert.equal(toDeliveryNote(given), undefined);
  });
}

const settings = {
  LOG_LEVEL: "info",
  PASSPORT_TTL_SECONDS: "30",
  PASSPORT_POLICY: "0.1.0",
  ACCESS_TOKEN_TTL_SECONDS: "600",
  REFRESH_TOKEN_TTL_SECONDS: "",
};

/** Paths of the schema with the variable that each overrides. */
function listVariables(schema: unknown, path: string): (readonly [string, string])[] {
  if (!isObject(schema)) return [];
  const own = typeof schema.env === "string" ? [[path, schema.env] as const] : [];
  const below = Object.entries(objectAt(schema, "properties")).flatMap(([name, member]) =>
    listVariables(member, path === "" ? name : `${path}.${name}`)
  );
  return [...own, ...below];
}

Deno.test("every setting with a variable is listed, but for keys, which are secret, and routes", () => {
  const schema = z.toJSONSchema(configurationSchema, { unrepresentable: "any" });
  const expected = listVariables(schema, "").filter(([path]) =>
    !path.startsWith("keys.") && path !== "gateway.routes"
  );
  const listed = listBaseSettings(settings, serviceNames)
    .map(({ path, name }) => [path, name] as const);
  assert.deepEqual(listed.toSorted(), expected.toSorted());
});

Deno.test("a setting has the value of the programs' environment, empty without one", () => {
  const values = new Map(
    listBaseSettings(settings, ["auth"]).map(({ path, value }) => [path, value]),
  );
  assert.deepEqual(Object.fromEntries(values), {
    "gateway.logLevel": "info",
    "gateway.passportTtlSeconds": "30",
    "passport.policy": "0.1.0",
    "services.auth.accessTokenTtlSeconds": "600",
    "services.auth.refreshTokenTtlSeconds": "",
    "services.auth.logLevel": "info",
  });
});
