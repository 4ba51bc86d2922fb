import { Problem } from "@edgepass/shared/problem";
import { changeAccount } from "./change_account.ts";
import type { AuthOptions, Person } from "./options.ts";
import { hashRefreshToken, isRefreshToken } from "./refresh_tokens.ts";
import type { Login, LoginEnd } from "./store/mod.ts";

export interface Logins {
  /**
   * Ends a person's login, the login of a refresh token, or both.
   *
   * @throws {Problem} `authentication_required` without either, `refresh_invalid` for a lone token
   *   of no login, `revocation_unavailable` when they have ended and only Redis has not received it
   */
  logOut(by: { sid?: string | undefined; refreshToken?: string | undefined }): Promise<void>;
  /** Ends every login of a person. @throws {Problem} `revocation_unavailable` */
  logOutEverywhere(person: Person): Promise<void>;
  /** A person's logins, newest first. */
  list(person: Person, page: { before?: string; limit: number }): Promise<Login[]>;
  /** Ends one of a person's logins. @throws {Problem} `not_found`, `revocation_unavailable` */
  end(person: Person, sid: string): Promise<void>;
}

/** Creates the login rules. */
export function createLogins({ store, revocations, log, now }: AuthOptions): Logins {
  /** All of them are in the log before Redis is asked: its failure must not leave one alive. */
  async function endLogins(sids: Iterable<string>, by: LoginEnd): Promise<void> {
    const ending = [...sids];
    for (const sid of ending) {
      await store.logins.end({ sid, by, now: now(), revokeUntil: revocations.keepUntil() });
    }
    for (const sid of ending) await revocations.announce("login", sid);
  }

  async function sidOf(refreshToken: string): Promise<string | undefined> {
    if (!isRefreshToken(refreshToken)) return undefined;
    return (await store.logins.findByToken(await hashRefreshToken(refreshToken)))?.sid;
  }

  return {
    async logOut({ sid, refreshToken }) {
      if (sid === undefined && refreshToken === undefined) {
        throw new Problem("authentication_required");
      }
      const owner = refreshToken === undefined ? undefined : await sidOf(refreshToken);
      const sids = new Set([sid, owner].filter((one) => one !== undefined));
      if (sids.size === 0) throw new Problem("refresh_invalid");
      await endLogins(sids, "logout");
    },
    async logOutEverywhere({ userId }) {
      await changeAccount(store.accounts, userId, () => ({
        set: {},
        now: now(),
        revokeUntil: revocations.keepUntil(),
        endLogins: { by: "logout_all" },
      }));
      log.info("Logged out everywhere", { audit: "logout_all", actorId: userId, targetId: userId });
      await revocations.announce("subject", userId);
    },
    async list({ userId }, page) {
      return await store.logins.list({ ...page, accountId: userId, now: now() });
    },
    async end({ userId }, sid) {
      const login = await store.logins.find(sid);
      if (login?.accountId !== userId) throw new Problem("not_found");
      if (login.endedAt === null && login.expiresAt > now()) {
        return await endLogins([sid], "session_ended");
      }
      if (!(await revocations.isPending("login", sid))) throw new Problem("not_found");
      await revocations.announce("login", sid);
    },
  };
}
