import { selectAuditOf } from "@edgepass/control/statements";
import { type Export, toTime } from "@edgepass/shared/http";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { asc, eq } from "drizzle-orm";
import { type AccountStore, type AuthOutbox, sqlAccountStore } from "./accounts.ts";
import { type LoginAttemptStore, sqlLoginAttemptStore } from "./login_attempts.ts";
import { type LoginStore, sqlLoginStore } from "./logins.ts";
import { accounts, knownNetworks, logins } from "./tables.ts";

export type { Account, AccountChange, AccountEvent, AccountStore, AuthOutbox } from "./accounts.ts";
export type { LoginAttemptCount, LoginAttemptStore } from "./login_attempts.ts";
export type { AccountClaims, Login, LoginStore, PresentedToken } from "./logins.ts";
export type { LoginEnd, Rotation } from "./statements.ts";

/** Everything that the identity provider stores. */
export interface AuthStore {
  readonly accounts: AccountStore;
  readonly logins: LoginStore;
  readonly loginAttempts: LoginAttemptStore;
  /** Everything that is stored about a person, except credentials. */
  readExport(personId: string): Promise<Export>;
}

/**
 * The identity provider's data in its own SQL database; the events of its changes go to `outbox`.
 */
export function sqlAuthStore(sql: SqlDb, outbox: AuthOutbox): AuthStore {
  return {
    accounts: sqlAccountStore(sql, outbox),
    logins: sqlLoginStore(sql),
    loginAttempts: sqlLoginAttemptStore(sql),
    readExport: (personId) => readAuthExport(sql, outbox, personId),
  };
}

/** Everything that auth stores about a person, except credentials. */
async function readAuthExport(
  sql: SqlDb,
  outbox: AuthOutbox,
  id: string,
): Promise<Export> {
  const db = orm(sql);
  const [[account], loginRows, networks, changes] = await db.batch([
    db.select().from(accounts).where(eq(accounts.id, id)),
    db.select().from(logins).where(eq(logins.accountId, id)).orderBy(asc(logins.sid)),
    db.select({ at: knownNetworks.lastLoginAt }).from(knownNetworks)
      .where(eq(knownNetworks.accountId, id)).orderBy(asc(knownNetworks.lastLoginAt)),
    selectAuditOf(db, id),
  ]);
  return {
    account: account ? toAccount(account) : null,
    logins: loginRows.map(toLogin),
    // Of a network only a digest is stored, which identifies no network in an export.
    networks: networks.map(({ at }) => ({ lastLoginAt: toTime(at) })),
    changes: changes.map(({ at, what, actorId, targetId }) => ({
      at: toTime(at),
      what,
      of: targetId === id ? "your account" : "somebody else's account",
      by: actorId === id ? "you" : "an administrator",
    })),
    events: await outbox.readPublished([id]),
  };
}

function toAccount(account: typeof accounts.$inferSelect) {
  const { id, email, name, roles, disabled, passwordChangedAt, createdAt, updatedAt } = account;
  return {
    id,
    email,
    name,
    roles,
    disabled,
    createdAt: toTime(createdAt),
    updatedAt: toTime(updatedAt),
    passwordChangedAt: toTime(passwordChangedAt),
    closedAt: toTime(account.closedAt),
  };
}

function toLogin(login: typeof logins.$inferSelect) {
  const { sid, authTime, amr, userAgent, createdAt, lastUsedAt, expiresAt, endedAt, endedBy } =
    login;
  return {
    id: sid,
    createdAt: toTime(createdAt),
    authenticatedAt: toTime(authTime),
    methods: amr,
    lastUsedAt: toTime(lastUsedAt),
    expiresAt: toTime(expiresAt),
    userAgent,
    endedAt: toTime(endedAt),
    endedBy,
  };
}
