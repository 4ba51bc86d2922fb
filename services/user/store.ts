import { isDone, type SqlDb } from "@edgepass/shared/sql";
import { orm } from "@edgepass/shared/sql/orm";
import { and, eq, isNull, sql as text } from "drizzle-orm";
import { integer, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";

const profiles = sqliteTable("profiles", {
  id: textColumn("id").primaryKey(),
  name: textColumn("name").notNull(),
  headline: textColumn("headline"),
  bio: textColumn("bio"),
  avatarUrl: textColumn("avatar_url"),
  locale: textColumn("locale"),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  closingAt: integer("closing_at"),
  erasedAt: integer("erased_at"),
});

/** A profile, or the tombstone of one; times are epoch milliseconds. */
export type ProfileRecord = Readonly<typeof profiles.$inferSelect>;

/** Where profiles are kept. A change is one batch; part of it is never seen. */
export interface ProfileStore {
  /** Fails when the database is away, or lacks its tables. */
  check(): Promise<void>;
  /** A profile or its tombstone. */
  find(id: string): Promise<ProfileRecord | undefined>;
  /** Keeps a new profile, unless there is one, or a tombstone. */
  insert(profile: ProfileRecord): Promise<void>;
  /** Puts `after` in the place of `before`; false when somebody else was first. */
  save(before: ProfileRecord, after: ProfileRecord): Promise<boolean>;
  /** Notes that the account is about to be closed. */
  markClosing(id: string, now: number): Promise<void>;
  /** Leaves a tombstone, whether there was a profile or not. */
  erase(id: string, now: number): Promise<void>;
}

/** Keeps profiles in a database with the tables of `migrations/`. */
export function sqlProfileStore(sql: SqlDb): ProfileStore {
  const db = orm(sql);
  const rising = text`${profiles.version} + 1`;
  return {
    async check() {
      await db.select({ id: profiles.id }).from(profiles).limit(1);
    },
    async find(id) {
      const [row] = await db.select().from(profiles).where(eq(profiles.id, id));
      return row;
    },
    async insert(profile) {
      await db.insert(profiles).values(profile).onConflictDoNothing();
    },
    save: (before, after) =>
      isDone(db.batch([
        db.update(profiles).set(after)
          .where(and(eq(profiles.id, before.id), eq(profiles.version, before.version))),
        db.requireOneChange(),
      ])),
    async markClosing(id, now) {
      await db.update(profiles).set({ closingAt: now, version: rising })
        .where(and(eq(profiles.id, id), isNull(profiles.erasedAt)));
    },
    async erase(id, now) {
      const erased = tombstone(now);
      await db.insert(profiles).values({ ...erased, id, version: 1, createdAt: now })
        .onConflictDoUpdate({
          target: profiles.id,
          set: { ...erased, version: rising },
          setWhere: isNull(profiles.erasedAt),
        });
    },
  };
}

/** What is left of a profile: that there was one. */
function tombstone(now: number) {
  return {
    name: "",
    headline: null,
    bio: null,
    avatarUrl: null,
    locale: null,
    updatedAt: now,
    closingAt: null,
    erasedAt: now,
  };
}
