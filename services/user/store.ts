import type { EventTypes } from "@edgepass/contracts";
import type { Changes, EventInput, Outbox } from "@edgepass/shared/events";
import type { Export } from "@edgepass/shared/http";
import { isDone, type SqlDb } from "@edgepass/shared/sql";
import { type Orm, orm } from "@edgepass/shared/sql/orm";
import { and, eq, isNull, sql as text } from "drizzle-orm";
import { readUserExport } from "./export_store.ts";
import { disabledPeople, profiles } from "./store_tables.ts";

/** Where user puts what it says. */
export type UserOutbox = Outbox<EventTypes, "user">;

/** What user says: that somebody has another name. */
export type ProfileEvent = EventInput<EventTypes, "user.profile-changed">;

/** A profile, or the tombstone of one; times are epoch milliseconds. */
export type ProfileRecord = Readonly<typeof profiles.$inferSelect>;

const rising = text`${profiles.version} + 1`;

/** Where profiles are kept. A change is one batch; part of it is never seen. */
export interface ProfileStore {
  /** Fails when the database is away, or lacks its tables. */
  check(): Promise<void>;
  /** A profile or its tombstone. */
  find(id: string): Promise<ProfileRecord | undefined>;
  /** Keeps a new profile, unless there is one, or a tombstone. */
  insert(profile: ProfileRecord): Promise<void>;
  /**
   * Puts `after` in the place of `before`, and says the event in the same batch; false when somebody
   * else was first.
   */
  save(before: ProfileRecord, after: ProfileRecord, event?: ProfileEvent): Promise<boolean>;
  /** Notes that the account is about to be closed. */
  markClosing(id: string, now: number): Promise<void>;
  /** Leaves a tombstone, whether there was a profile or not. */
  erase(id: string, now: number): Promise<void>;
  /** Whether auth has told that the person may not come in. */
  isDisabled(id: string): Promise<boolean>;
  /** All that is kept about a person. */
  readExport(personId: string): Promise<Export>;
  /** The same changes for the batch of the event that tells of them. */
  readonly effects: ProfileEffects;
}

/** What an event does to what is kept of a person. */
export interface ProfileEffects {
  /** As `insert`. */
  insertion(profile: ProfileRecord): Changes;
  /** As `erase`. */
  erasure(id: string, now: number): Changes;
  disabling(id: string, now: number): Changes;
  enabling(id: string): Changes;
}

/** Keeps profiles in a database with the tables of `migrations/`; what is said goes to `outbox`. */
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
    readExport: (personId) => readUserExport(sql, personId),
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

/** Drizzle's type of a batch wants to see that it is not empty. */
async function inOneBatch(db: Orm, [first, ...others]: Changes): Promise<void> {
  if (first) await db.batch([first, ...others]);
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
