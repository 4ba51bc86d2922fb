import type { Export } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type AccountStore, type AuthOutbox, sqlAccountStore } from "./accounts.ts";
import { readAuthExport } from "./export.ts";
import { type LoginAttemptStore, sqlLoginAttemptStore } from "./login_attempts.ts";
import { type LoginStore, sqlLoginStore } from "./logins.ts";

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
