import * as z from "zod/mini";
import type { SqlDb } from "../sql/statement.ts";

/** An event that a service has stored in its outbox, as its subject may read it. */
export interface PublishedEvent {
  /** Its type. */
  readonly type: string;
  /** Id of what changed. */
  readonly subject: string;
  /** RFC 3339. */
  readonly time: string;
  /** Whether QStash has received it; published events are deleted after some days. */
  readonly published: boolean;
  /** Data of the event. */
  readonly data: unknown;
}

const Published = z.object({
  type: z.string(),
  subject: z.string(),
  time: z.string(),
  data: z.unknown(),
});

/** The events of some subjects in a service's outbox, the oldest first. */
export async function readPublished(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<PublishedEvent[]> {
  const rows = await sql.run({
    sql: `SELECT event, published_at IS NOT NULL FROM outbox
      WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
    params: [JSON.stringify(subjects)],
  });
  return rows.map(([event, published]) => ({
    ...z.parse(Published, JSON.parse(String(event))),
    published: published === 1,
  }));
}
