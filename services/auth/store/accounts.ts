import { and, asc, eq, gt, isNull, or, sql } from "drizzle-orm";
import { type AuditEntry, auditRow } from "@edgepass/control/statements";
import type { ServiceEvents } from "@edgepass/contracts";
import { deleteStoredResponses, orm, type SqlDb } from "@edgepass/shared/sql";
import {
  endLogins,
  type Item,
  leavesAnAdministrator,
  type LoginEnd,
  logSubjectRevocation,
} from "./statements.ts";
import { accounts, addressClaims, knownNetworks, logins } from "./tables.ts";

/** A row of accounts; a closed one has neither address nor name nor password. */
export type Account = typeof accounts.$inferSelect;

/** The outbox of auth's events. */
export type AuthOutbox = ServiceEvents<"auth">["outbox"];

/** An event about an account; the change it belongs to supplies the account's id. */
export type AccountEvent = WithoutSubject<ServiceEvents<"auth">["published"]>;

type WithoutSubject<Event> = Event extends unknown ? Omit<Event, "subject"> : never;

/** Columns that a change may set; the fields below decide its effect on logins and tokens. */
export interface AccountChange {
  readonly id: string;
  /** The version that was read; a different one means that a concurrent writer was first. */
  readonly version: number;
  readonly set: Partial<
    Pick<
      Account,
      "email" | "name" | "passwordHash" | "passwordChangedAt" | "roles" | "disabled" | "closedAt"
    >
  >;
  readonly now: number;
  /** Revokes the access tokens issued so far; the log stores the revocation until then. */
  readonly revokeUntil?: number;
  readonly endLogins?: { readonly by: LoginEnd; readonly except?: string };
  /** Refuses the change when no other administrator would be left. */
  readonly leavesAdministration?: boolean;
  readonly audit?: AuditEntry;
  /** The event that other services receive. */
  readonly event?: AccountEvent;
}

export interface AccountStore {
  /** Holds an address for one sign-up; false when another holds it. */
  claimAddress(email: string, claim: { now: number; until: number }): Promise<boolean>;
  releaseAddress(email: string): Promise<void>;
  /** One batch: the account and its event. @throws {UniqueViolation} when the address is taken */
  insert(account: Account, event: AccountEvent): Promise<void>;
  findByEmail(email: string): Promise<Account | undefined>;
  findById(id: string): Promise<Account | undefined>;
  /** Accounts that are not closed, in the order of their ids. */
  list(page: { q?: string; after?: string; limit: number }): Promise<Account[]>;
  /**
   * One batch: the change, a raised `uv`, and everything that follows from it.
   *
   * @throws {VersionConflict} when a concurrent writer was first, or no administrator would be left
   */
  change(change: AccountChange): Promise<Account>;
  /** Stores the same password under another hash. */
  rehash(id: string, hash: { from: string; to: string }): Promise<void>;
}

/** Accounts in SQL. */
export function sqlAccountStore(sqlDb: SqlDb, outbox: AuthOutbox): AccountStore {
  const db = orm(sqlDb);
  return {
    async claimAddress(email, { now, until }) {
      const claimed = await db.insert(addressClaims).values({ email, expiresAt: until })
        .onConflictDoUpdate({
          target: addressClaims.email,
          set: { expiresAt: until },
          setWhere: sql`${addressClaims.expiresAt} <= ${now}`,
        }).returning({ email: addressClaims.email });
      return claimed.length === 1;
    },
    async releaseAddress(email) {
      await db.delete(addressClaims).where(eq(addressClaims.email, email));
    },
    async insert(account, event) {
      await db.batch([
        db.insert(accounts).values(account),
        ...outbox.add({ ...event, subject: account.id }),
      ]);
    },
    async findByEmail(email) {
      return (await db.select().from(accounts).where(eq(accounts.email, email)))[0];
    },
    async findById(id) {
      return (await db.select().from(accounts).where(eq(accounts.id, id)))[0];
    },
    async list({ q, after, limit }) {
      return await db.select().from(accounts).where(and(
        isNull(accounts.closedAt),
        after === undefined ? undefined : gt(accounts.id, after),
        q === undefined ? undefined : or(
          sql`instr(${accounts.email}, ${q.toLowerCase()}) > 0`,
          sql`instr(lower(${accounts.name}), ${q.toLowerCase()}) > 0`,
        ),
      )).orderBy(asc(accounts.id)).limit(limit);
    },
    async change(change) {
      const { id, version, set, now } = change;
      const update = db.update(accounts).set({
        ...set,
        uv: sql`${accounts.uv} + 1`,
        version: sql`${accounts.version} + 1`,
        updatedAt: now,
      }).where(and(
        eq(accounts.id, id),
        eq(accounts.version, version),
        change.leavesAdministration ? leavesAnAdministrator(id) : undefined,
      )).returning();
      const [[changed]] = await db.batch([
        update,
        db.requireOneChange(),
        ...consequences(change),
      ]);
      if (!changed) throw new TypeError("Cannot change an account: the store gave no row back");
      return changed;
    },
    async rehash(id, { from, to }) {
      await db.update(accounts).set({ passwordHash: to })
        .where(and(eq(accounts.id, id), eq(accounts.passwordHash, from)));
    },
  };

  function consequences(change: AccountChange): Item[] {
    const { id, now, revokeUntil, endLogins: ending, audit, set, event } = change;
    return [
      ...(revokeUntil === undefined ? [] : [logSubjectRevocation(db, id, revokeUntil)]),
      ...(ending ? [endLogins(db, { ...ending, accountId: id, now })] : []),
      ...(set.closedAt ? deletePersonalData(id) : []),
      ...(audit ? [auditRow(db, audit)] : []),
      ...(event ? outbox.add({ ...event, subject: id }) : []),
    ];
  }

  /** Deletes what would still identify the person of a closed account, or where it was used. */
  function deletePersonalData(id: string): Item[] {
    return [
      ...outbox.erase(id),
      deleteStoredResponses(db, id),
      db.delete(knownNetworks).where(eq(knownNetworks.accountId, id)),
      db.update(logins).set({ userAgent: null }).where(eq(logins.accountId, id)),
    ];
  }
}
