import type { AuditRow } from "./audit.ts";
import type { Findings } from "./findings.ts";
import type { Json } from "../support/json.ts";
import { facetKey, type History, isEventType } from "./history.ts";
import { type ServiceName, services } from "./system.ts";

/**
 * Compares the published events with the changes, and each consumer's inbox, in its order, with the
 * published events.
 */
export function checkEvents(history: History, findings: Findings): void {
  for (const service of services) {
    checkPublished(service, history, findings);
    const deleted = checkOrder(service, history, findings);
    checkArrival(service, { history, deleted, findings });
  }
}

/** Every change was published once, and nothing without a change. */
function checkPublished(service: ServiceName, { audits, byId }: History, findings: Findings): void {
  const balance = new Map<string, number>();
  const move = (by: number, type: string, subject: string, value: string) => {
    const key = `${type} of ${subject} ${value}`;
    balance.set(key, (balance.get(key) ?? 0) + by);
  };
  for (const row of audits[service]) {
    if (row.what === "changed" && isEventType(row.type)) move(1, row.type, row.subject, row.value);
    const event = row.what === "published" && byId.get(row.id);
    if (event) move(-1, event.type, event.subject, toValue(event.data));
  }
  for (const [key, left] of balance) {
    if (left > 0) findings.add("lost", `${service}: not published: ${key}`);
    if (left < 0) findings.add("orphans", `${service}: published without a change: ${key}`);
  }
}

/** The value of an event in the form that the triggers write. */
function toValue({ name, title, courseId, roles }: Json): string {
  if (Array.isArray(roles)) return roles.map(String).sort().join();
  return String(name ?? title ?? courseId ?? "");
}

/** Returns the subjects deleted there. */
function checkOrder(
  service: ServiceName,
  { audits, byId, published, hasConsumed }: History,
  findings: Findings,
): ReadonlySet<string> {
  const bySequence = new Map(
    published.map((event) => [`${event.source} ${event.subject} ${event.sequence}`, event]),
  );
  const deleted = new Set<string>();
  const consumed = new Set<string>();
  const inbox = createSequence("inbox");
  const versions = createSequence("versions");
  for (const row of audits[service]) visit(row);
  return deleted;

  function visit(row: AuditRow): void {
    if (row.what === "deleted") deleted.add(row.subject);
    if (row.what === "consumed") {
      const event = byId.get(row.id);
      if (!event) return findings.add("orphans", `${service}: no source published event ${row.id}`);
      const what = `${service}: ${event.type} ${event.id} of ${event.subject}`;
      if (consumed.has(row.id)) return findings.add("applied twice", what);
      consumed.add(row.id);
      if (deleted.has(event.subject)) findings.add("orphans", `${what} after its deletion`);
      inbox(facetKey(event), event.sequence, what);
    }
    if (row.what === "version") {
      const { source, subject, sequence } = row;
      const event = bySequence.get(`${source} ${subject} ${sequence}`);
      const what = `${service}: ${event?.type} ${event?.id} of ${subject}`;
      if (!event) {
        findings.add("orphans", `${service}: no source published ${source} ${subject} ${sequence}`);
      } else if (!hasConsumed(service, event.id)) findings.add("lost", `${what}, its inbox row`);
      versions(facetKey(row), sequence, what);
    }
  }

  function createSequence(where: string) {
    const last = new Map<string, number>();
    return function follow(key: string, sequence: number, what: string): void {
      const before = last.get(key) ?? 0;
      if (sequence === before) findings.add("applied twice", `${what} (${where})`);
      if (sequence < before) findings.add("out of order", `${what} after ${before} (${where})`);
      last.set(key, Math.max(before, sequence));
    };
  }
}

/** The newest event of each facet must have arrived; older events may be skipped. */
function checkArrival(
  service: ServiceName,
  { history, deleted, findings }: {
    history: History;
    deleted: ReadonlySet<string>;
    findings: Findings;
  },
): void {
  for (const event of history.published) {
    const { source, subject, facet, type, id } = event;
    if (!event.consumers.includes(service)) continue;
    if (facet === "end" && !deleted.has(subject)) {
      findings.add("lost", `${service}: the deletion of ${subject}`);
    }
    if (history.newest(source, subject, facet)?.id !== id) continue;
    if (deleted.has(subject) && facet !== "end") continue;
    if (!history.hasConsumed(service, id)) {
      findings.add("lost", `${service}: ${type} ${id} of ${subject}`);
    }
  }
}
