import type { ServiceEvents } from "@edgepass/contracts";
import type { Changes } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import { isDone, type Orm, orm, type SqlDb } from "@edgepass/shared/sql";
import { and, eq, isNull, sql as text } from "drizzle-orm";
import { integer, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";

/** One row a profile, or its tombstone. */
export const profiles = sqliteTable("profiles", {
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

/** People whom auth has published as disabled. */
export const disabledPeople = sqliteTable("disabled_people", {
  id: textColumn("id").primaryKey(),
  disabledAt: integer("disabled_at").notNull(),
});

/** The outbox of user's events. */
export type UserOutbox = ServiceEvents<"user">["outbox"];

/** The event that user publishes: a person has another name. */
export type ProfileEvent = ServiceEvents<"user">["published"];

/** A profile, or the tombstone of one; times are epoch milliseconds. */
export type ProfileRecord = Readonly<typeof profiles.$inferSelect>;

const rising = text`${profiles.version} + 1`;

/** The store of profiles. A change is one batch; readers never see part of it. */
export interface ProfileStore {
  /** Fails when the database is down, or lacks its tables. */
  check(): Promise<void>;
  /** A profile or its tombstone. */
  find(id: string): Promise<ProfileRecord | undefined>;
  /** Stores a new profile, unless there is one, or a tombstone. */
  insert(profile: ProfileRecord): Promise<void>;
  /**
   * Replaces `before` by `after`, with the event in the same batch; false when a concurrent writer
   * was first.
   */
  save(before: ProfileRecord, after: ProfileRecord, event?: ProfileEvent): Promise<boolean>;
  /** Records that the account is about to be closed. */
  markClosing(id: string, now: number): Promise<void>;
  /** Leaves a tombstone, whether there was a profile or not. */
  erase(id: string, now: number): Promise<void>;
  /** Whether auth has published that the person is disabled. */
  isDisabled(id: string): Promise<boolean>;
  /** Everything that is stored about a person. */
  readExport(personId: string): Promise<Export>;
  /** The same changes, for the batch that records their event. */
  readonly effects: ProfileEffects;
}

/** The effects of an event on the stored data of a person. */
export interface ProfileEffects {
  /** As `insert`. */
  insertion(profile: ProfileRecord): Changes;
  /** As `erase`. */
  erasure(id: string, now: number): Changes;
  disabling(id: string, now: number): Changes;
  enabling(id: string): Changes;
}

/** Stores profiles in a database with the tables of `migrations/`; their events go to `outbox`. */
export function sqlProfileStore(sql: SqlDb, outbox: UserOutbox): ProfileStore {
  const db = orm(sql);
  const effects = createEffects(db, outbox);
  return {
    async check() {
      await db.select({ id: profiles.id }).from(profiles).limit(1);
    },
    async find(id) {
      const [row] = await db.select().from(profiles).where(eq(profiles.id, id));
      return row;
    },
    async insert(profile) {
      await inOneBatch(db, effects.insertion(profile));
    },
    save: (before, after, event) =>
      isDone(db.batch([
        db.update(profiles).set(after)
          .where(and(eq(profiles.id, before.id), eq(profiles.version, before.version))),
        db.requireOneChange(),
        ...(event ? outbox.add(event) : []),
      ])),
    async markClosing(id, now) {
      await db.update(profiles).set({ closingAt: now, version: rising })
        .where(and(eq(profiles.id, id), isNull(profiles.erasedAt)));
    },
    async erase(id, now) {
      await inOneBatch(db, effects.erasure(id, now));
    },
    async isDisabled(id) {
      const rows = await db.select({ id: disabledPeople.id }).from(disabledPeople)
        .where(eq(disabledPeople.id, id));
      return rows.length === 1;
    },
    readExport: (personId) => readUserExport(db, outbox, personId),
    effects,
  };
}

function createEffects(db: Orm, outbox: UserOutbox): ProfileEffects {
  return {
    insertion: (profile) => [db.insert(profiles).values(profile).onConflictDoNothing()],
    erasure(id, now) {
      const erased = tombstone(now);
      return [
        db.insert(profiles).values({ ...erased, id, version: 1, createdAt: now })
          .onConflictDoUpdate({
            target: profiles.id,
            set: { ...erased, version: rising },
            setWhere: isNull(profiles.erasedAt),
          }),
        db.delete(disabledPeople).where(eq(disabledPeople.id, id)),
        ...outbox.erase(id),
      ];
    },
    disabling: (id, now) => [
      db.insert(disabledPeople).values({ id, disabledAt: now }).onConflictDoNothing(),
    ],
    enabling: (id) => [db.delete(disabledPeople).where(eq(disabledPeople.id, id))],
  };
}

/** Drizzle's type of a batch requires at least one statement. */
async function inOneBatch(db: Orm, [first, ...others]: Changes): Promise<void> {
  if (first) await db.batch([first, ...others]);
}

/** The columns of a tombstone. */
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

/** Everything that user stores about a person. */
async function readUserExport(db: Orm, outbox: UserOutbox, id: string): Promise<Export> {
  const [[profile], [disabled]] = await db.batch([
    db.select().from(profiles).where(eq(profiles.id, id)),
    db.select().from(disabledPeople).where(eq(disabledPeople.id, id)),
  ]);
  return {
    profile: profile ? toExported(profile) : null,
    disabledAt: toTime(disabled?.disabledAt ?? null),
    events: await outbox.readPublished([id]),
  };
}

function toExported(profile: typeof profiles.$inferSelect) {
  const { version: _version, createdAt, updatedAt, closingAt, erasedAt, ...personal } = profile;
  return {
    ...personal,
    createdAt: toTime(createdAt),
    updatedAt: toTime(updatedAt),
    closingAt: toTime(closingAt),
    erasedAt: toTime(erasedAt),
  };
}
