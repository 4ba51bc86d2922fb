import { digest } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import { VersionConflict } from "@edgepass/shared/sql";
import type { AuthOptions, Client } from "./options.ts";
import { normaliseEmail } from "./email.ts";
import type { Grant } from "./grants.ts";
import { isOversized } from "./passwords/policy.ts";
import { hashRefreshToken, newRefreshToken } from "./refresh_tokens.ts";
import type { Credentials } from "./schema.ts";
import type { Account, Login } from "./store/mod.ts";

/** A login that has just begun. */
export interface SignedIn {
  readonly account: { readonly id: string; readonly email: string; readonly roles: string[] };
  readonly grant: Grant;
}

export type SignIn = (credentials: Credentials, client: Client) => Promise<SignedIn>;

/**
 * Creates the function that begins a login by e-mail address and password.
 *
 * An unknown address, a wrong password and a disabled account get the same response after the same
 * work (one hash, and no extra write), so that timing does not reveal accounts. Every call begins a
 * new login and token family, whatever the client held before.
 *
 * It throws `credentials_invalid`, `validation_failed` for a password over 1 KiB, `rate_limited`.
 */
export function createSignIn(deps: AuthOptions): SignIn {
  return async function signIn({ email: given, password }, client) {
    const email = normaliseEmail(given);
    requireSize("password", password);
    const attempt = await deps.loginThrottle.admitPassword({ email, network: client.network });
    const account = await deps.store.accounts.findByEmail(email);
    const isRight = await deps.passwords.verify(password, account?.passwordHash ?? null, client)
      .catch(async (error: unknown) => {
        await attempt.undecided();
        throw error;
      });
    if (!account || !isRight || account.disabled) throw new Problem("credentials_invalid");
    const signedIn = await begin(deps, { account, email, client });
    await attempt.right();
    await rehash(deps, account, { password, client });
    return signedIn;
  };
}

async function begin(
  { store, issueGrant, lifetimes, sessionMaxSeconds, now, newId }: AuthOptions,
  { account, email, client }: { account: Account; email: string; client: Client },
): Promise<SignedIn> {
  const at = now();
  const login: Login = {
    sid: newId(),
    accountId: account.id,
    createdAt: at,
    lastUsedAt: at,
    expiresAt: at + sessionMaxSeconds * 1000,
    authTime: at,
    amr: ["pwd"],
    userAgent: client.userAgent,
    endedAt: null,
    endedBy: null,
  };
  const refreshToken = newRefreshToken();
  const { refreshTokenTtlSeconds } = lifetimes();
  const refreshExpiresAt = Math.min(at + refreshTokenTtlSeconds * 1000, login.expiresAt);
  const claims = await store.logins.insert({
    login,
    token: { hash: await hashRefreshToken(refreshToken), expiresAt: refreshExpiresAt },
    passwordChangedAt: account.passwordChangedAt,
    network: await digest(client.network),
  }).catch(refuseOutdated);
  const grant = await issueGrant({ login, claims, refreshToken, refreshExpiresAt });
  return { account: { id: account.id, email, roles: [...claims.roles] }, grant };
}

/** The account was disabled, closed or given another password between the check and the login. */
function refuseOutdated(error: unknown): never {
  if (error instanceof VersionConflict) throw new Problem("credentials_invalid", { cause: error });
  throw error;
}

/** Only a login has the plain password. A busy hasher leaves the rehash for the next login. */
async function rehash(
  { store, passwords, log }: AuthOptions,
  account: Account,
  { password, client }: { readonly password: string; readonly client: Client },
): Promise<void> {
  const { id, passwordHash: from } = account;
  if (from === null || !passwords.isOutdated(from)) return;
  try {
    await store.accounts.rehash(id, { from, to: await passwords.hash(password, client) });
  } catch (cause) {
    log.warn("Password hash was not updated", { accountId: id, cause });
  }
}

/** Refuses a text that is too long to be hashed. @throws {Problem} `validation_failed` */
export function requireSize(path: string, password: string): void {
  if (!isOversized(password)) return;
  const details = [{ path, message: "Must be at most 1 KiB" }];
  throw new Problem("validation_failed", { details });
}
