import type { AuditRow } from "./audit.ts";
import type { Findings } from "./findings.ts";
import type { Json } from "../support/json.ts";
import { facetKey, type History, isTold } from "./history.ts";
import { type ServiceName, services } from "./system.ts";

/**
 * Holds what was said against what changed, and what every consumer noted, in the order in which it
 * did, against what was said.
 */
export function checkEvents(history: History, findings: Findings): void {
  for (const service of services) {
    checkSaid(service, history, findings);
    const ended = checkOrder(service, history, findings);
    checkArrival(service, { history, ended, findings });
  }
}

/** Every change was said once, and nothing that did not change. */
function checkSaid(service: ServiceName, { audits, byId }: History, findings: Findings): void {
  const balance = new Map<string, number>();
  const move = (by: number, type: string, subject: string, value: string) => {
    const key = `${type} of ${subject} ${value}`;
    balance.set(key, (balance.get(key) ?? 0) + by);
  };
  for (const row of audits[service]) {
    if (row.what === "changed" && isTold(row.type)) move(1, row.type, row.subject, row.value);
    const event = row.what === "said" && byId.get(row.id);
    if (event) move(-1, event.type, event.subject, toValue(event.data));
  }
  for (const [key, left] of balance) {
    if (left > 0) findings.add("lost", `${service}: nobody was told ${key}`);
    if (left < 0) findings.add("ghosts", `${service}: nothing changed, but was told ${key}`);
  }
}

/** What an event carries, as the triggers write it. */
function toValue({ name, title, courseId, roles }: Json): string {
  if (Array.isArray(roles)) return roles.map(String).sort().join();
  return String(name ?? title ?? courseId ?? "");
}

/** Gives the subjects that have ended there. */
function checkOrder(
  service: ServiceName,
  { audits, byId, said, hasHeard }: History,
  findings: Findings,
): ReadonlySet<string> {
  const bySequence = new Map(
    said.map((event) => [`${event.source} ${event.subject} ${event.sequence}`, event]),
  );
  const ended = new Set<string>();
  const heard = new Set<string>();
  const inbox = createSequence("inbox");
  const versions = createSequence("versions");
  for (const row of audits[service]) visit(row);
  return ended;

  function visit(row: AuditRow): void {
    if (row.what === "ended") ended.add(row.subject);
    if (row.what === "heard") {
      const event = byId.get(row.id);
      if (!event) return findings.add("ghosts", `${service}: nobody said event ${row.id}`);
      const what = `${service}: ${event.type} ${event.id} of ${event.subject}`;
      if (heard.has(row.id)) return findings.add("applied twice", what);
      heard.add(row.id);
      if (ended.has(event.subject)) findings.add("ghosts", `${what} after its end`);
      inbox(facetKey(event), event.sequence, what);
    }
    if (row.what === "version") {
      const { source, subject, sequence } = row;
      const event = bySequence.get(`${source} ${subject} ${sequence}`);
      const what = `${service}: ${event?.type} ${event?.id} of ${subject}`;
      if (!event) {
        findings.add("ghosts", `${service}: nobody said ${source} ${subject} ${sequence}`);
      } else if (!hasHeard(service, event.id)) findings.add("lost", `${what}, the note of it`);
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

/** The newest event of everything that goes on has to be there; older ones may be passed over. */
function checkArrival(
  service: ServiceName,
  { history, ended, findings }: {
    history: History;
    ended: ReadonlySet<string>;
    findings: Findings;
  },
): void {
  for (const event of history.said) {
    const { source, subject, facet, type, id } = event;
    if (!event.consumers.includes(service)) continue;
    if (facet === "end" && !ended.has(subject)) {
      findings.add("lost", `${service}: the end of ${subject}`);
    }
    if (history.newest(source, subject, facet)?.id !== id) continue;
    if (ended.has(subject) && facet !== "end") continue;
    if (!history.hasHeard(service, id)) {
      findings.add("lost", `${service}: ${type} ${id} of ${subject}`);
    }
  }
}
