import type { AuditRow } from "./audit.ts";
import type { Findings } from "./findings.ts";
import type { History } from "./history.ts";
import { type Attempt, toClaims } from "./ledger.ts";
import { rolesOf, type State } from "./state.ts";
import { services } from "./system.ts";

/** Compares the responses to clients with the databases of the services. */
export function checkLedger(
  attempts: readonly Attempt[],
  { state, history, findings }: {
    readonly state: State;
    readonly history: History;
    readonly findings: Findings;
  },
): void {
  checkTexts(attempts, history, findings);
  for (const [key, { settled, possible }] of toClaims(attempts)) {
    // A change with an unknown end, without an earlier one, proves nothing.
    if (settled === undefined) continue;
    const found = look(key, state);
    if (found === undefined || found === settled || possible.has(found)) continue;
    findings.add("lost", `ledger: ${key} is ${found} and not ${settled}`);
  }
}

/** Changes whose name or title is unique, and so identifies the change. */
const identifying: Readonly<Record<string, string>> = {
  rename: "user.profile-changed",
  "rename course": "course.changed",
};

/** Every successful rename was committed, and no refused one. */
function checkTexts(
  attempts: readonly Attempt[],
  { audits }: History,
  findings: Findings,
): void {
  const isTelling = (row: AuditRow) => row.what === "changed" ? [row] : [];
  const changes = services.flatMap((service) => audits[service].flatMap(isTelling));
  const committed = new Map(changes.map(({ type, value }) => [`${type} ${value}`, type]));
  const attempted = new Set<string>();
  for (const { operation, facts, ending } of attempts) {
    const type = identifying[operation];
    if (type === undefined) continue;
    for (const value of Object.values(facts)) {
      if (ending === "ok" && !committed.has(`${type} ${value}`)) {
        findings.add("lost", `ledger: ${operation} to ${value}`);
      }
      if (ending !== "fail") attempted.add(`${type} ${value}`);
    }
  }
  for (const [what, type] of committed) {
    if (Object.values(identifying).includes(type) && !attempted.has(what)) {
      findings.add("orphans", `ledger: no client may have done ${what}`);
    }
  }
}

/** The value of a key, or undefined where it was deleted with its owner. */
function look(key: string, state: State): string | undefined {
  const [kind = "", id = "", other = ""] = key.split(":");
  const account = state.accounts.get(id);
  const isOpen = (person: string) => state.accounts.get(person)?.closed_at === null;
  switch (kind) {
    case "account":
      return account ? account.closed_at === null ? "open" : "closed" : "missing";
    case "name":
      return isOpen(id) ? String(state.profiles.get(id)?.name) : undefined;
    case "roles":
      return account && isOpen(id) ? rolesOf(account).join() : undefined;
    case "disabled":
      return account && isOpen(id) ? String(account.disabled) : undefined;
    case "title":
      return state.courses.has(id) ? String(state.courses.get(id)?.title) : undefined;
    case "course": {
      const found = state.courses.get(id);
      if (found) return String(found.state);
      // Drafts are deleted with their instructor.
      return isOpen(other) ? "gone" : undefined;
    }
    case "enrollment":
      if (state.enrollments.has(id)) return "held";
      return isOpen(other) ? "left" : undefined;
    case "lesson":
      if (!state.enrollments.has(id)) return undefined;
      return state.completions.has(`${id}:${other}`) ? "done" : "open";
    default:
      throw new TypeError(`Cannot look at ${kind}`);
  }
}
