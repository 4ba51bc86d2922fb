import type { Attributes } from "../../dev/collector/api.ts";
import type { ConfigurationVersion, RolloutEntry } from "../../dev/collector/configuration_api.ts";
import { listDifferences } from "../../dev/page/logic/document.ts";
import { isObject } from "./json.ts";

/** A central configuration that the page's tests change; the newest version comes first. */
export interface SampleConfiguration {
  versions: ConfigurationVersion[];
  rollout: RolloutEntry[];
}

/** The administrator in whose name the page changes it. */
export const sampleAdministrator = "01931c2e-aaaa-7b11-8a52-1f0a9f3ac042";
const somebodyElse = "01931c2e-bbbb-7b11-8a52-1f0a9f3ac777";
const pageSize = 3;

const echo = { prefix: "/echo", upstream: "http://127.0.0.1:9999", access: "public" };
const documents: readonly Attributes[] = [
  { gateway: { logLevel: "debug" } },
  { gateway: { logLevel: "debug", routes: [echo] } },
  { gateway: { logLevel: "debug", routes: [echo], passportTtlSeconds: 20 } },
  {
    gateway: {
      logLevel: "debug",
      routes: [echo],
      revocation: { "/files/a.b": { boundedMs: 1000 } },
      limits: { person: { limit: 50, windowSeconds: 10 } },
    },
    services: { auth: { accessTokenTtlSeconds: 300 } },
    passport: { send: "shadow", accept: ["S", "A"] },
  },
];

/** Four versions; the newest is in force, and not every program has applied it. */
export function makeConfiguration(now: number): SampleConfiguration {
  const sample: SampleConfiguration = { versions: [], rollout: [] };
  documents.forEach((document, at) =>
    addVersion(sample, document, {
      changedAt: now - (documents.length - at) * 600_000,
      changedBy: at === 1 ? somebodyElse : sampleAdministrator,
      comment: at === 3 ? "Ready for profile A" : null,
    })
  );
  const since = now - 599_000;
  sample.rollout = [
    { service: "gateway", version: 4, since, refused: null },
    { service: "auth", version: 4, since, refused: null },
    { service: "user", version: 3, since: since - 600_000, refused: 4 },
    { service: "course", version: null, since: null, refused: null },
  ];
  return sample;
}

/** What happens when a document is put in force. */
export function addVersion(
  sample: SampleConfiguration,
  document: Attributes,
  more: Partial<ConfigurationVersion> = {},
): ConfigurationVersion {
  const before = inForceOf(sample);
  const made = {
    version: before.version + 1,
    changedAt: Date.now(),
    changedBy: sampleAdministrator,
    comment: null,
    changed: listDifferences(before.document, document).map(({ path }) => path),
    document,
    ...more,
  };
  sample.versions.unshift(made);
  return made;
}

function inForceOf({ versions }: SampleConfiguration): ConfigurationVersion {
  const none = { version: 0, changedAt: null, changedBy: null, comment: null, changed: [] };
  return versions[0] ?? { ...none, document: {} };
}

/** The dashboard's response; undefined for other paths. */
export function answerConfiguration(
  request: Request,
  { pathname, searchParams }: URL,
  sample: SampleConfiguration,
): Response | Promise<Response> | undefined {
  const [, rest] = /^\/api\/configuration(?:\/(.+))?$/.exec(pathname) ?? [];
  if (!pathname.startsWith("/api/configuration")) return undefined;
  if (request.method !== "GET") return change(request, sample);
  if (rest === "rollout") return Response.json(sample.rollout);
  if (rest === "history") {
    return Response.json(pageOf(sample, Number(searchParams.get("cursor"))));
  }
  const [, version] = /^history\/(\d+)$/.exec(rest ?? "") ?? [];
  if (version !== undefined) {
    const found = sample.versions.find((one) => one.version === Number(version));
    return found ? Response.json(found) : refuse(404, "There is no such version");
  }
  return Response.json({
    inForce: inForceOf(sample),
    history: pageOf(sample, 0),
    base: [
      { path: "gateway.logLevel", name: "LOG_LEVEL", value: "info" },
      { path: "gateway.passportTtlSeconds", name: "PASSPORT_TTL_SECONDS", value: "30" },
      { path: "services.auth.accessTokenTtlSeconds", name: "ACCESS_TOKEN_TTL_SECONDS", value: "" },
      {
        path: "services.auth.refreshTokenTtlSeconds",
        name: "REFRESH_TOKEN_TTL_SECONDS",
        value: "",
      },
      { path: "services.auth.logLevel", name: "LOG_LEVEL", value: "info" },
    ],
    administratorId: sampleAdministrator,
  });
}

function pageOf({ versions }: SampleConfiguration, from: number) {
  const to = from + pageSize;
  const items = versions.slice(from, to).map(({ document: _document, ...change }) => change);
  return { items, next: to < versions.length ? String(to) : null };
}

async function change(request: Request, sample: SampleConfiguration): Promise<Response> {
  if (request.headers.get("x-edgepass-page") !== "1") return refuse(403, "Not the page");
  const body: unknown = await request.json();
  const requested = isObject(body) ? body : {};
  // As the administrator's API does: without `ifVersion` no conflict is possible.
  if (requested.ifVersion !== undefined && requested.ifVersion !== inForceOf(sample).version) {
    return refuse(409, "Another version became current in the meantime; nothing was changed");
  }
  const old = sample.versions.find(({ version }) => version === requested.version);
  if (old) {
    const comment = `Back to version ${old.version}`;
    return Response.json(addVersion(sample, old.document, { comment }));
  }
  const document = toDocument(requested.document);
  const { gateway } = document;
  if (isObject(gateway) && gateway.logLevel === "loud") {
    const message = "must be one of debug, info, warn, error";
    return refuse(422, "The document is invalid; nothing was changed", [
      { path: "gateway.logLevel", message },
    ]);
  }
  const comment = typeof requested.comment === "string" ? requested.comment : null;
  return Response.json(addVersion(sample, document, { comment }));
}

function refuse(status: number, error: string, details?: unknown): Response {
  return Response.json(details === undefined ? { error } : { error, details }, { status });
}

/** A parsed JSON document has JSON values only. */
function toDocument(value: unknown): Attributes {
  return isObject(value) ? value as Attributes : {};
}
