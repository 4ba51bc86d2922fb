import { readNumber } from "./cells.ts";
import type { Database } from "./database.ts";
import { type Batch, writeBatch, type Written } from "./writer.ts";

/** How much is stored; the oldest is deleted first. */
export interface StoreLimits {
  readonly maxRequests: number;
  /** Traces that did not pass the gateway: scheduled maintenance, and direct calls of services. */
  readonly maxOthers: number;
  readonly maxSpans: number;
  readonly maxLines: number;
}

const defaultLimits: StoreLimits = {
  maxRequests: 20_000,
  maxOthers: 2_000,
  maxSpans: 400_000,
  maxLines: 200_000,
};

/** The share of a limit that is freed at once, so that it is not done for every batch. */
const step = 0.025;

export interface StoreCounts {
  readonly requests: number;
  readonly logs: number;
}

/** Stores spans and log lines by their trace, within limits. */
export interface Store {
  write(batch: Batch): Written;
  counts(): StoreCounts;
}

/** Stores what arrives in a database that no other process writes. */
export function createStore(db: Database, limits: Partial<StoreLimits> = {}): Store {
  const max = { ...defaultLimits, ...limits };
  const counts = countAll(db);

  function dropTraces(isRequest: 0 | 1, count: number): void {
    const ids = db.all(
      "SELECT id FROM requests WHERE is_request = ? ORDER BY time, id LIMIT ?",
      isRequest,
      count,
    ).map((row) => readNumber(row, "id"));
    const list = JSON.stringify(ids);
    const among = "IN (SELECT value FROM json_each(?))";
    db.atomically(() => {
      counts.spans -= db.run(`DELETE FROM spans WHERE request ${among}`, list);
      counts.lines -= db.run(`DELETE FROM lines WHERE request ${among}`, list);
      db.run(`DELETE FROM requests WHERE id ${among}`, list);
    });
    counts[isRequest === 1 ? "requests" : "others"] -= ids.length;
  }

  function prune(): void {
    const { maxRequests, maxOthers, maxSpans, maxLines } = max;
    if (counts.requests > maxRequests) dropTraces(1, counts.requests - remaining(maxRequests));
    if (counts.others > maxOthers) dropTraces(0, counts.others - remaining(maxOthers));
    if (counts.lines > maxLines) {
      counts.lines -= db.run(
        "DELETE FROM lines WHERE id IN (SELECT id FROM lines ORDER BY id LIMIT ?)",
        counts.lines - remaining(maxLines),
      );
    }
    while (counts.spans > maxSpans) {
      dropTraces(counts.requests > 0 ? 1 : 0, Math.max(1, Math.ceil(maxRequests * step)));
      if (counts.requests + counts.others === 0) return;
    }
  }

  return {
    write(batch) {
      const written = writeBatch(db, batch);
      counts.requests += written.added.requests;
      counts.others += written.added.others;
      counts.spans += written.added.spans;
      counts.lines += written.lines.length;
      prune();
      return written;
    },
    counts: () => ({ requests: counts.requests, logs: counts.lines }),
  };
}

/** How much of a passed limit remains. */
function remaining(limit: number): number {
  return Math.floor(limit * (1 - step));
}

function countAll(db: Database) {
  const count = (from: string) =>
    readNumber(db.get(`SELECT count(*) AS count FROM ${from}`) ?? {}, "count");
  return {
    requests: count("requests WHERE is_request = 1"),
    others: count("requests WHERE is_request = 0"),
    spans: count("spans"),
    lines: count("lines"),
  };
}
