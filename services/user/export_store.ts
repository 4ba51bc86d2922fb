import { readPublished } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { eq } from "drizzle-orm";
import { disabledPeople, profiles } from "./store_tables.ts";

/** Everything that user stores about a person. */
export async function readUserExport(sql: SqlDb, id: string): Promise<Export> {
  const db = orm(sql);
  const [[profile], [disabled]] = await db.batch([
    db.select().from(profiles).where(eq(profiles.id, id)),
    db.select().from(disabledPeople).where(eq(disabledPeople.id, id)),
  ]);
  return {
    profile: profile ? toProfile(profile) : null,
    disabledAt: toTime(disabled?.disabledAt ?? null),
    events: await readPublished(sql, [id]),
  };
}

function toProfile(profile: typeof profiles.$inferSelect) {
  const { version: _version, createdAt, updatedAt, closingAt, erasedAt, ...personal } = profile;
  return {
    ...personal,
    createdAt: toTime(createdAt),
    updatedAt: toTime(updatedAt),
    closingAt: toTime(closingAt),
    erasedAt: toTime(erasedAt),
  };
}
