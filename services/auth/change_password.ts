import { Problem } from "@edgepass/shared/problem";
import { type OpenAccount, requireOpen } from "./accounts.ts";
import { changeAccount } from "./change_account.ts";
import type { AuthOptions, Client, Person } from "./options.ts";
import type { Grant } from "./grants.ts";
import { findPasswordFault } from "./passwords/policy.ts";
import type { Refresh } from "./refresh.ts";
import { hashRefreshToken, isRefreshToken } from "./refresh_tokens.ts";
import type { PasswordChange } from "./schema.ts";
import { requireSize } from "./sign_in.ts";

export type ChangePassword = (
  person: Person,
  change: PasswordChange,
  client: Client & { refreshToken?: string | undefined },
) => Promise<Grant | undefined>;

/**
 * Creates the function that changes a person's password.
 *
 * All other logins end and all access tokens are revoked; this login continues. A client that sent
 * its refresh token receives new tokens; others refresh by themselves.
 *
 * It throws `credentials_invalid` for a wrong current password, `validation_failed`,
 * `token_revoked` when the login has ended, `rate_limited`, and `revocation_unavailable` when Redis
 * did not receive the revocation: a retry continues where it stopped.
 */
export function createChangePassword(deps: AuthOptions, refresh: Refresh): ChangePassword {
  const { store, passwords, revocations, log, now } = deps;
  return async function changePassword({ userId, sid }, { current, next }, client) {
    const account = await requireLiveLogin(deps, { userId, sid });
    requireSize("current", current);
    const fault = current === next ? "Must be another one" : findPasswordFault(next, account.email);
    if (fault !== undefined) {
      throw new Problem("validation_failed", { details: [{ path: "next", message: fault }] });
    }
    if (await isCurrent(deps, account, { current, next, client })) {
      const passwordHash = await passwords.hash(next, client);
      await changeAccount(store.accounts, userId, (latest) => {
        if (latest.passwordChangedAt !== account.passwordChangedAt) {
          throw new Problem("credentials_invalid");
        }
        return {
          set: { passwordHash, passwordChangedAt: Math.max(now(), latest.passwordChangedAt + 1) },
          now: now(),
          revokeUntil: revocations.keepUntil(),
          endLogins: { by: "password_changed", except: sid },
        };
      });
      log.info("Credentials changed", { audit: "password", actorId: userId, targetId: userId });
    }
    await revocations.announce("subject", userId);
    return await renewTokens(deps, refresh, { sid, refreshToken: client.refreshToken });
  };
}

/**
 * A Passport outlives its login by seconds: without this check an ended login could still change
 * the account.
 */
async function requireLiveLogin({ store, now }: AuthOptions, person: Person): Promise<OpenAccount> {
  const login = await store.logins.find(person.sid);
  const isLive = login?.accountId === person.userId && login.endedAt === null &&
    login.expiresAt > now();
  const account = isLive ? await store.accounts.findById(person.userId) : undefined;
  if (!account || account.closedAt !== null || account.disabled) throw new Problem("token_revoked");
  return requireOpen(account);
}

/**
 * True when the change is still to be made; false when an earlier, identical request made it and
 * only the write to Redis is missing.
 */
async function isCurrent(
  { loginThrottle, passwords, revocations }: AuthOptions,
  { id, email, passwordHash }: OpenAccount,
  { current, next, client }: PasswordChange & { client: Client },
): Promise<boolean> {
  const attempt = await loginThrottle.admitPassword({ email, network: client.network });
  try {
    if (await passwords.verify(current, passwordHash, client)) {
      await attempt.right();
      return true;
    }
    const isRepeated = await revocations.isPending("subject", id) &&
      await passwords.verify(next, passwordHash, client);
    if (isRepeated) {
      await attempt.right();
      return false;
    }
  } catch (error) {
    await attempt.undecided();
    throw error;
  }
  throw new Problem("credentials_invalid");
}

/**
 * New tokens for the login that continues, if the request carried its refresh token and it is still
 * valid.
 */
async function renewTokens(
  { store }: AuthOptions,
  refresh: Refresh,
  { sid, refreshToken }: { sid: string; refreshToken: string | undefined },
): Promise<Grant | undefined> {
  if (refreshToken === undefined || !isRefreshToken(refreshToken)) return undefined;
  const owner = await store.logins.findByToken(await hashRefreshToken(refreshToken));
  if (owner?.sid !== sid) return undefined;
  try {
    return await refresh(refreshToken);
  } catch (error) {
    // The password is changed already: a 401 here would report the opposite.
    if (error instanceof Problem && error.status === 401) return undefined;
    throw error;
  }
}
