import { Problem } from "@edgepass/shared/problem";
import { UniqueViolation, VersionConflict } from "@edgepass/shared/sql";
import type { AuthOptions } from "./options.ts";
import type { Grant } from "./grants.ts";
import { deriveSuccessor, evaluate, hashRefreshToken, isRefreshToken } from "./refresh_tokens.ts";
import type { PresentedToken } from "./store/mod.ts";

/**
 * The loser of a race finds the winner's successor on its next read; the rest allows more
 * concurrent callers.
 */
const maxAttempts = 5;

export type Refresh = (token: string) => Promise<Grant>;

/**
 * Creates the function that exchanges a refresh token for new tokens (RFC 9700 §4.14.2).
 *
 * Of concurrent callers with one token, one rotates and all get the same successor. A failed call
 * consumes nothing.
 *
 * It throws `refresh_invalid`; `refresh_reused` when the token had been rotated already, which ends
 * the family; then also `revocation_unavailable` when Redis did not receive the revocation.
 */
export function createRefresh(deps: AuthOptions): Refresh {
  const { store, issueGrant, refreshTokenKey, lifetimes, now } = deps;

  return async function refresh(token) {
    if (!isRefreshToken(token)) throw new Problem("refresh_invalid");
    const successor = await deriveSuccessor(token, await refreshTokenKey());
    const hash = await hashRefreshToken(token);
    const successorHash = await hashRefreshToken(successor);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const presented = await store.logins.findToken(hash, successorHash);
      if (!presented) throw new Problem("refresh_invalid");
      const { login, account: claims } = presented;
      const verdict = await admit(deps, presented);
      if (verdict === "repeat") {
        const refreshExpiresAt = presented.successor?.expiresAt ?? 0;
        return await issueGrant({ login, claims, refreshToken: successor, refreshExpiresAt });
      }
      const at = now();
      const expiresAt = Math.min(at + lifetimes().refreshTokenTtlSeconds * 1000, login.expiresAt);
      const rotation = { sid: login.sid, parentHash: hash, successorHash, expiresAt, now: at };
      try {
        const claims = await store.logins.rotate(rotation);
        return await issueGrant({
          login,
          claims,
          refreshToken: successor,
          refreshExpiresAt: expiresAt,
        });
      } catch (error) {
        if (!(error instanceof VersionConflict || error instanceof UniqueViolation)) throw error;
      }
    }
    throw new Problem("conflict", { detail: "Login is being changed by others" });
  };
}

/** The action for a presented token that is not refused. */
async function admit(deps: AuthOptions, presented: PresentedToken): Promise<"rotate" | "repeat"> {
  const { token, login, account, successor } = presented;
  const verdict = evaluate(token, successor, deps.now());
  if (login.endedAt !== null) {
    // A retry after a 503 must reach the same result.
    if (verdict === "reuse" && login.endedBy === "refresh_reused") await refuseReuse(deps, login);
    throw new Problem("refresh_invalid");
  }
  const isOver = login.expiresAt <= deps.now() || account.disabled || account.closedAt !== null;
  if (isOver || verdict === "expired") throw new Problem("refresh_invalid");
  if (verdict === "reuse") {
    await endFamily(deps, login);
    return await refuseReuse(deps, login);
  }
  return verdict;
}

async function endFamily(
  { store, revocations, log, now }: AuthOptions,
  { sid, accountId }: PresentedToken["login"],
): Promise<void> {
  const ended = await store.logins.end({
    sid,
    by: "refresh_reused",
    now: now(),
    revokeUntil: revocations.keepUntil(),
  });
  if (ended) {
    log.warn("Login ended: a rotated refresh token was used again", {
      security: "refresh_reused",
      sid,
      accountId,
    });
  }
}

async function refuseReuse(
  { revocations }: AuthOptions,
  { sid }: PresentedToken["login"],
): Promise<never> {
  await revocations.announce("login", sid);
  throw new Problem("refresh_reused");
}
