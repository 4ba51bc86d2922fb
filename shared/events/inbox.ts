import { sql as text } from "drizzle-orm";
import { UniqueViolation, VersionConflict } from "../sql/errors.ts";
import { orm } from "../sql/orm.ts";
import type { SqlDb } from "../sql/statement.ts";
import type { ReadEvent } from "./cloud_event.ts";
import type { Changes } from "./outbox.ts";
import type { DeletionOf } from "./subject_stores.ts";
import { endFacet } from "./table.ts";

/** What a consumer's database knows of an event before its effect is tried. */
export type InboxStatus = "new" | "duplicate" | "stale";

/** Which events a service has heard. */
export interface Inbox {
  /** Whether an event still has to have an effect; a hint until `apply` has asked again. */
  inboxStatus(event: ReadEvent): Promise<InboxStatus>;
  /**
   * Makes the effect and notes the event, both or neither.
   *
   * `conflict`: a statement of the effect, or of somebody faster, was in the way; stand tells which.
   */
  apply(
    event: ReadEvent,
    effect: Changes,
    now: number,
  ): Promise<"applied" | InboxStatus | "conflict">;
  /** Forgets events heard before a time; versions go on telling what is old. */
  prune(before: number): Promise<void>;
}

/**
 * Keeps the inbox in a service's own database; `deletionOf` gives what else goes with a subject that
 * ends.
 */
export function sqlInbox(sql: SqlDb, deletionOf: DeletionOf = () => []): Inbox {
  const db = orm(sql);
  return {
    async inboxStatus({ id, source, subject, facet, sequence }) {
      const [row = []] = await sql.run({
        sql: `SELECT
          EXISTS (SELECT 1 FROM inbox WHERE event_id = ?) AS heard,
          EXISTS (SELECT 1 FROM ended_subjects WHERE subject = ?) OR EXISTS (
            SELECT 1 FROM event_versions
            WHERE source = ? AND subject = ? AND aspect = ? AND sequence >= ?) AS stale`,
        params: [id, subject, source, subject, facet, sequence],
      });
      const [heard, stale] = row;
      if (heard === 1) return "duplicate";
      return stale === 1 ? "stale" : "new";
    },
    async apply({ id, source, subject, facet, sequence }, effect, now) {
      const ending = facet === endFacet
        ? [
          db.run(text`INSERT INTO ended_subjects (subject, ended_at) VALUES (${subject}, ${now})`),
          // What this service has said of the subject may name a person, and is stale everywhere.
          db.run(text`DELETE FROM outbox WHERE subject = ${subject}`),
          ...deletionOf(db, subject),
        ]
        : [];
      try {
        await db.batch([
          db.run(text`INSERT INTO inbox (event_id, received_at) VALUES (${id}, ${now})`),
          db.run(text`INSERT INTO event_versions (source, subject, aspect, sequence)
            SELECT ${source}, ${subject}, ${facet}, ${sequence}
            WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = ${subject})
            ON CONFLICT (source, subject, aspect) DO UPDATE SET sequence = excluded.sequence
            WHERE excluded.sequence > event_versions.sequence`),
          db.requireOneChange(),
          ...ending,
          ...effect,
        ]);
        return "applied";
      } catch (error) {
        if (error instanceof VersionConflict) return "conflict";
        if (error instanceof UniqueViolation && error.columns === "inbox.event_id") {
          return "duplicate";
        }
        throw error;
      }
    },
    async prune(before) {
      await sql.run({
        sql: `DELETE FROM inbox WHERE event_id IN
          (SELECT event_id FROM inbox WHERE received_at < ? ORDER BY received_at LIMIT 1000)`,
        params: [before],
      });
    },
  };
}
