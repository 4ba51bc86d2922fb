import { readNumber, readStored, readSummary, readText } from "./rows.ts";
import type { Database, Row } from "./database.ts";
import { joinFacts, type RequestFacts } from "./request_facts.ts";
import type { Attributes } from "./api.ts";

/** A trace while its batch is written. */
export interface Trace {
  readonly id: number;
  readonly services: Set<string>;
  facts: RequestFacts | undefined;
  spans: number;
  readonly isNew: boolean;
  readonly wasRequest: boolean;
  hasChanged: boolean;
}

/** The trace of an id, which is created if it is not there. */
export function openTrace(db: Database, traceId: string, time: number): Trace {
  const row = db.get("SELECT * FROM requests WHERE trace_id = ?", traceId);
  if (!row) {
    const made = db.get(
      "INSERT INTO requests (trace_id, time) VALUES (?, ?) RETURNING id",
      traceId,
      time,
    );
    return {
      id: readNumber(made ?? {}, "id"),
      services: new Set(),
      facts: undefined,
      spans: 0,
      isNew: true,
      wasRequest: false,
      hasChanged: false,
    };
  }
  const id = readNumber(row, "id");
  const counted = db.get("SELECT count(*) AS spans FROM spans WHERE request = ?", id);
  const facts = readFacts(row);
  return {
    id,
    services: new Set(readServices(row)),
    facts,
    spans: readNumber(counted ?? {}, "spans"),
    isNew: false,
    wasRequest: facts !== undefined,
    hasChanged: false,
  };
}

/** The services that a trace has touched, the gateway first. */
export function readServices(row: Row): string[] {
  const names = readText(row, "services").split(",").filter((name) => name !== "");
  return names.includes("gateway")
    ? ["gateway", ...names.filter((name) => name !== "gateway")]
    : names;
}

function readFacts(row: Row): RequestFacts | undefined {
  if (row.is_request !== 1) return undefined;
  return {
    ...readSummary(row),
    isSpan: row.has_span === 1,
  };
}

/** Notes the service, and the facts about the request. */
export function recordFacts(trace: Trace, service: string, facts: RequestFacts | undefined): void {
  if (!trace.services.has(service)) {
    trace.services.add(service);
    trace.hasChanged = true;
  }
  if (!facts) return;
  const joined = joinFacts(trace.facts, facts);
  if (joined === trace.facts) return;
  trace.facts = joined;
  trace.hasChanged = true;
}

/** Writes the facts of a trace. */
export function saveTrace(db: Database, { id, services, facts, hasChanged }: Trace): void {
  if (!hasChanged) return;
  // A comma in a name would split it into two; no service has such a name.
  const names = `,${[...services].map((name) => name.replaceAll(",", "_")).join(",")},`;
  db.run("UPDATE requests SET services = ? WHERE id = ?", names, id);
  if (!facts) return;
  const { sub, issuer } = withIdentity(db, id, facts);
  db.run(
    `UPDATE requests SET is_request = 1, has_span = ?, time = ?, method = ?, path = ?, route = ?,
       status = ?, code = ?, duration_ms = ?, sub = ?, issuer = ? WHERE id = ?`,
    facts.isSpan ? 1 : 0,
    facts.time,
    facts.method,
    facts.path,
    facts.route,
    facts.status,
    facts.code,
    facts.durationMs,
    sub,
    issuer,
    id,
  );
}

/** The gateway's step that checks an access token. */
export const verifySpan = "gateway.verify";

/**
 * The facts of a request with the subject of its token, where its own span does not name it.
 *
 * The gateway names the caller on the span of the request only once its token was accepted. Its own
 * endpoints (`/admin/keys`) never do, nor does a refusal of a revoked token: the step that verified
 * the token has the subject all the same. A caller whose token was unusable on an optional route
 * was served as anonymous and stays that.
 */
export function withIdentity(db: Database, request: number, facts: RequestFacts): RequestFacts {
  if (facts.sub !== null || !facts.isSpan) return facts;
  const row = db.get(
    `SELECT v.attributes AS verified, s.attributes AS served FROM spans v
     JOIN spans s ON s.request = v.request AND s.span_id = v.parent_id
     WHERE v.request = ? AND v.name = ? AND v.service = 'gateway'
       AND s.service = 'gateway' AND s.kind = 'server' AND s.start = ?`,
    request,
    verifySpan,
    facts.time,
  );
  if (!row) return facts;
  const served = readStored<Attributes>(readText(row, "served"));
  if (served["edgepass.rule"] === "optional") return facts;
  const verified = readStored<Attributes>(readText(row, "verified"));
  const { "user.id": sub, "edgepass.issuer": issuer } = verified;
  if (typeof sub !== "string" || sub === "") return facts;
  return { ...facts, sub, issuer: typeof issuer === "string" ? issuer : null };
}
