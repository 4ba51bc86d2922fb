import type { Export } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type AccountStore, type AuthOutbox, sqlAccountStore } from "./accounts.ts";
import { type ConfigurationStore, sqlConfigurationStore } from "./configurations.ts";
import { readAuthExport } from "./export.ts";
import { type LoginAttemptStore, sqlLoginAttemptStore } from "./login_attempts.ts";
import { type LoginStore, sqlLoginStore } from "./logins.ts";
import { type RevocationStore, sqlRevocationStore } from "./revocations.ts";

export type { Account, AccountChange, AccountEvent, AccountStore, AuthOutbox } from "./accounts.ts";
export type {
  ConfigurationChange,
  ConfigurationRow,
  ConfigurationStore,
} from "./configurations.ts";
export type { LoginAttemptCount, LoginAttemptStore } from "./login_attempts.ts";
export type { AccountClaims, Login, LoginStore, PresentedToken } from "./logins.ts";
export type { AuditEntry, LoginEnd, Rotation } from "./statements.ts";
export type { RevocationRow, RevocationStore, UnpushedRows } from "./revocations.ts";

/** Everything that the identity provider stores. */
export interface AuthStore {
  readonly accounts: AccountStore;
  readonly logins: LoginStore;
  readonly revocations: RevocationStore;
  readonly loginAttempts: LoginAttemptStore;
  readonly configurations: ConfigurationStore;
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
    revocations: sqlRevocationStore(sql),
    loginAttempts: sqlLoginAttemptStore(sql),
    configurations: sqlConfigurationStore(sql),
    readExport: (personId) => readAuthExport(sql, personId),
  };
}
