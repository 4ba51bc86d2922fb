import { and, desc, eq, gt, inArray, isNull, lt, lte, or, sql } from "drizzle-orm";
import { logRevocation } from "@edgepass/control/statements";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { type LoginEnd, type Rotation, rotation } from "./statements.ts";
import {
  accounts,
  addressClaims,
  knownNetworks,
  loginAttempts,
  logins,
  refreshTokens,
} from "./tables.ts";

/** A row of logins. One login is one refresh token family; `sid` names both. */
export type Login = typeof logins.$inferSelect;

/** A row of refresh tokens. */
export type RefreshTokenRow = typeof refreshTokens.$inferSelect;

/** The account's claims in access tokens; always read in one statement. */
export interface AccountClaims {
  readonly roles: readonly string[];
  readonly uv: number;
}

/** A refresh token with everything that decides about it. */
export interface PresentedToken {
  readonly token: RefreshTokenRow;
  readonly login: Login;
  readonly account: AccountClaims & {
    readonly disabled: boolean;
    readonly closedAt: number | null;
  };
  readonly successor: RefreshTokenRow | undefined;
}

export interface NewLogin {
  readonly login: Login;
  readonly token: { readonly hash: string; readonly expiresAt: number };
  /** When the password that was just checked had been set. */
  readonly passwordChangedAt: number;
  readonly network: string;
}

export interface LoginStore {
  /**
   * Begins a login in one batch, if the account is still as it was checked.
   *
   * @throws {VersionConflict} when it was disabled or closed, or its password changed
   */
  insert(login: NewLogin): Promise<AccountClaims>;
  findToken(hash: string, successorHash: string): Promise<PresentedToken | undefined>;
  /** The login of a refresh token, whatever the state of either. */
  findByToken(hash: string): Promise<Login | undefined>;
  /** @throws {VersionConflict} when another rotation or the end of the login came first */
  rotate(change: Rotation): Promise<AccountClaims>;
  find(sid: string): Promise<Login | undefined>;
  /** Active logins, newest first. */
  list(page: { accountId: string; now: number; before?: string; limit: number }): Promise<Login[]>;
  /** Ends a login and logs its revocation in one batch; returns whether this call ended it. */
  end(end: { sid: string; by: LoginEnd; now: number; revokeUntil: number }): Promise<boolean>;
  /** Deletes logins that are over, and expired attempts, claims and networks. */
  deleteExpired(times: { now: number; networksBefore: number; endedBefore: number }): Promise<void>;
}

/** Logins and refresh tokens in SQL. */
export function sqlLoginStore(sqlDb: SqlDb): LoginStore {
  const db = orm(sqlDb);
  const claimsOf = (id: string) =>
    db.select({ roles: accounts.roles, uv: accounts.uv }).from(accounts).where(eq(accounts.id, id));

  return {
    async insert({ login, token, passwordChangedAt, network }) {
      const { sid, accountId, createdAt: now } = login;
      const [, , [claims]] = await db.batch([
        db.run(sql`INSERT INTO logins (sid, account_id, created_at, last_used_at, expires_at,
            auth_time, amr, user_agent)
          SELECT ${sid}, id, ${now}, ${now}, ${login.expiresAt}, ${login.authTime},
            ${JSON.stringify(login.amr)}, ${login.userAgent}
          FROM accounts WHERE id = ${accountId} AND disabled = 0 AND closed_at IS NULL
            AND password_changed_at = ${passwordChangedAt}`),
        db.requireOneChange(),
        claimsOf(accountId),
        db.insert(refreshTokens).values({ ...token, sid, state: "active", createdAt: now }),
        db.insert(knownNetworks).values({ accountId, network, lastLoginAt: now })
          .onConflictDoUpdate({
            target: [knownNetworks.accountId, knownNetworks.network],
            set: { lastLoginAt: now },
          }),
      ]);
      return requireClaims(claims);
    },
    async findToken(hash, successorHash) {
      const [found, [successor]] = await db.batch([
        db.select({
          token: refreshTokens,
          login: logins,
          account: {
            roles: accounts.roles,
            uv: accounts.uv,
            disabled: accounts.disabled,
            closedAt: accounts.closedAt,
          },
        }).from(refreshTokens)
          .innerJoin(logins, eq(logins.sid, refreshTokens.sid))
          .innerJoin(accounts, eq(accounts.id, logins.accountId))
          .where(eq(refreshTokens.hash, hash)),
        db.select().from(refreshTokens).where(eq(refreshTokens.hash, successorHash)),
      ]);
      return found[0] && { ...found[0], successor };
    },
    async findByToken(hash) {
      const rows = await db.select({ login: logins }).from(refreshTokens)
        .innerJoin(logins, eq(logins.sid, refreshTokens.sid))
        .where(eq(refreshTokens.hash, hash));
      return rows[0]?.login;
    },
    async rotate(change) {
      const owner = sql`(SELECT account_id FROM logins WHERE sid = ${change.sid})`;
      const [[claims]] = await db.batch([
        db.select({ roles: accounts.roles, uv: accounts.uv }).from(accounts)
          .where(sql`${accounts.id} = ${owner}`),
        ...rotation(db, change),
      ]);
      return requireClaims(claims);
    },
    async find(sid) {
      return (await db.select().from(logins).where(eq(logins.sid, sid)))[0];
    },
    async list({ accountId, now, before, limit }) {
      return await db.select().from(logins).where(and(
        eq(logins.accountId, accountId),
        isNull(logins.endedAt),
        gt(logins.expiresAt, now),
        before === undefined ? undefined : lt(logins.sid, before),
      )).orderBy(desc(logins.sid)).limit(limit);
    },
    async end({ sid, by, now, revokeUntil }) {
      const [ended] = await db.batch([
        db.update(logins).set({ endedAt: now, endedBy: by })
          .where(and(eq(logins.sid, sid), isNull(logins.endedAt))).returning({ sid: logins.sid }),
        logRevocation(db, { level: "login", id: sid, expiresAt: revokeUntil }),
      ]);
      return ended.length === 1;
    },
    async deleteExpired({ now, networksBefore, endedBefore }) {
      const over = db.select({ sid: logins.sid }).from(logins)
        .where(or(lte(logins.expiresAt, now), lte(logins.endedAt, endedBefore)));
      await db.batch([
        // Some SQLite servers do not enforce foreign keys, so the cascade is not relied upon.
        db.delete(refreshTokens).where(inArray(refreshTokens.sid, over)),
        db.delete(logins).where(inArray(logins.sid, over)),
        db.delete(loginAttempts).where(lte(loginAttempts.expiresAt, now)),
        db.delete(addressClaims).where(lte(addressClaims.expiresAt, now)),
        db.delete(knownNetworks).where(lte(knownNetworks.lastLoginAt, networksBefore)),
      ]);
    },
  };
}

/**
 * A login has a foreign key to its account, so a batch that passed its guard has read the account.
 */
function requireClaims(claims: AccountClaims | undefined): AccountClaims {
  if (!claims) throw new TypeError("Cannot issue tokens: the login's account is gone");
  return claims;
}
