import { and, eq, isNull, ne, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { logRevocation } from "@edgepass/control/statements";
import type { Orm } from "@edgepass/shared/sql";
import { accounts, logins, refreshTokens } from "./tables.ts";

/** One statement of a batch. */
export type Item = BatchItem<"sqlite">;

/** Why a login ended. */
export type LoginEnd =
  | "logout"
  | "logout_all"
  | "session_ended"
  | "password_changed"
  | "disabled"
  | "closed"
  | "refresh_reused";

/** A refresh token that replaces its parent. */
export interface Rotation {
  readonly sid: string;
  readonly parentHash: string;
  readonly successorHash: string;
  readonly expiresAt: number;
  readonly now: number;
}

/**
 * Logs the revocation of every token of an account below its present version.
 *
 * The version comes from the row, so this follows the statement that raises it.
 */
export function logSubjectRevocation(db: Orm, accountId: string, expiresAt: number): Item {
  const value = sql`(SELECT uv FROM accounts WHERE id = ${accountId})`;
  return logRevocation(db, { level: "subject", id: accountId, value, expiresAt });
}

/** Ends all logins of an account, or all but one. */
export function endLogins(
  db: Orm,
  { accountId, except, by, now }: {
    accountId: string;
    except?: string | undefined;
    by: LoginEnd;
    now: number;
  },
): Item {
  return db.update(logins).set({ endedAt: now, endedBy: by }).where(and(
    eq(logins.accountId, accountId),
    isNull(logins.endedAt),
    except === undefined ? undefined : ne(logins.sid, except),
  ));
}

/**
 * The compare-and-set of a rotation, for a batch: it fails when the parent is no longer active, or
 * the login has ended meanwhile. Then the whole batch is rolled back.
 */
export function rotation(
  db: Orm,
  { sid, parentHash, successorHash, expiresAt, now }: Rotation,
): [Item, ...Item[]] {
  return [
    db.update(refreshTokens).set({ state: "used", usedAt: now })
      .where(and(eq(refreshTokens.hash, parentHash), eq(refreshTokens.state, "active"))),
    db.requireOneChange(),
    db.update(logins).set({ lastUsedAt: now })
      .where(and(eq(logins.sid, sid), isNull(logins.endedAt))),
    db.requireOneChange(),
    db.insert(refreshTokens).values({
      hash: successorHash,
      sid,
      parentHash,
      state: "active",
      createdAt: now,
      expiresAt,
    }),
  ];
}

/** True when an account may lose its administration: it has none, or another account has it too. */
export function leavesAnAdministrator(id: string) {
  return sql`(instr(${accounts.roles}, '"admin"') = 0 OR ${accounts.disabled} = 1 OR EXISTS (
    SELECT 1 FROM accounts AS other WHERE other.id <> ${id} AND other.disabled = 0
      AND other.closed_at IS NULL AND instr(other.roles, '"admin"') > 0))`;
}
