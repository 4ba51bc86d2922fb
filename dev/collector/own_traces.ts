import { newTrace, toTraceparent } from "@edgepass/shared/telemetry";
import type { CallTraces } from "../system/api_client.ts";
import type { Database } from "./database.ts";

/**
 * The traces of requests that the dashboard sent itself, which its lists leave out by default.
 *
 * Their ids were chosen at random by the dashboard before it sent the requests. A client cannot
 * mark a request of its own: no header, path or name puts a trace in here, and only the lists of
 * the page read it.
 */
export interface OwnTraces extends CallTraces {
  has(traceId: string): boolean;
}

/** As many are stored as the store has requests. */
const maxTraces = 20_000;

/** Created beside the store's other tables where it is missing: older stores stay as they are. */
export const ownTracesSchema = `
CREATE TABLE IF NOT EXISTS own_traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  trace_id TEXT NOT NULL UNIQUE
) STRICT;
`;

/** A condition on a row of `requests` called `r`: not sent by the dashboard itself. */
export const notOwn = "NOT EXISTS (SELECT 1 FROM own_traces o WHERE o.trace_id = r.trace_id)";

export function createOwnTraces(db: Database): OwnTraces {
  function add(traceId: string): void {
    const added = db.run(
      "INSERT INTO own_traces (trace_id) VALUES (?) ON CONFLICT DO NOTHING",
      traceId,
    );
    if (added === 0) return;
    db.run("DELETE FROM own_traces WHERE id <= (SELECT max(id) FROM own_traces) - ?", maxTraces);
  }

  return {
    begin() {
      const trace = newTrace();
      add(trace.traceId);
      return toTraceparent(trace);
    },
    // A gateway that starts its own traces (TRACE_INCOMING) responds with another id.
    served(traceId) {
      if (/^[0-9a-f]{32}$/.test(traceId)) add(traceId);
    },
    has: (traceId) =>
      db.get("SELECT 1 AS found FROM own_traces WHERE trace_id = ?", traceId) !== undefined,
  };
}
