import { type OpenAccount, requireOpen } from "./accounts.ts";
import { changeAccount, type PlanChange } from "./change_account.ts";
import type { AuthOptions } from "./options.ts";
import type { Role } from "./schema.ts";
import type { Account } from "./store/mod.ts";

export interface Administration {
  /**
   * Accounts that are not closed, with ids after `after`; `q` is a substring of address or name.
   */
  list(page: { q?: string; after?: string; limit: number }): Promise<OpenAccount[]>;
  /**
   * Replaces an account's roles. Its access tokens are revoked; its logins continue.
   *
   * @throws {Problem} `not_found`, `conflict` when no administrator would be left,
   *   `revocation_unavailable`: a retry continues where it stopped
   */
  setRoles(change: { id: string; roles: readonly Role[]; actorId: string }): Promise<OpenAccount>;
  /** Ends every login of an account and refuses new ones. @throws as `setRoles` */
  disable(change: { id: string; actorId: string }): Promise<OpenAccount>;
  /** Allows new logins again; ended ones stay ended. @throws as `setRoles` */
  enable(change: { id: string; actorId: string }): Promise<OpenAccount>;
}

/**
 * Creates the administration rules; each change writes an audit row and a log line with actor and
 * change.
 */
export function createAdministration(deps: AuthOptions): Administration {
  const { store, revocations, log, now, newId } = deps;

  async function change(
    { id, actorId, what }: { id: string; actorId: string; what: string },
    plan: (account: Account) => Omit<NonNullable<ReturnType<PlanChange>>, "now"> | undefined,
  ): Promise<OpenAccount> {
    let isChanged = false;
    const account = await changeAccount(store.accounts, id, (latest) => {
      const planned = plan(latest);
      isChanged = planned !== undefined;
      const at = now();
      return planned && {
        ...planned,
        now: at,
        audit: { id: newId(), at, actorId, targetId: id, what },
      };
    });
    if (isChanged) log.info("Account changed", { audit: what, actorId, targetId: id });
    // Also without a change: an earlier request may have made it while Redis was down.
    await revocations.announce("subject", id);
    return requireOpen(account);
  }

  return {
    async list(page) {
      return (await store.accounts.list(page)).map(requireOpen);
    },
    async setRoles({ id, roles, actorId }) {
      const newRoles = [...new Set(roles)].sort();
      const what = `roles ${newRoles.join(",")}`;
      return await change({ id, actorId, what }, (account) => {
        if (account.roles.toSorted().join() === newRoles.join()) return undefined;
        return {
          set: { roles: newRoles },
          revokeUntil: revocations.keepUntil(),
          leavesAdministration: !newRoles.includes("admin"),
          event: { type: "user.roles-changed", data: { roles: newRoles } },
        };
      });
    },
    async disable({ id, actorId }) {
      return await change(
        { id, actorId, what: "disabled" },
        (account) =>
          account.disabled ? undefined : {
            set: { disabled: true },
            revokeUntil: revocations.keepUntil(),
            endLogins: { by: "disabled" },
            leavesAdministration: true,
            event: { type: "user.disabled", data: {} },
          },
      );
    },
    async enable({ id, actorId }) {
      // No earlier token is alive, so there is no revocation to write to Redis.
      return await change(
        { id, actorId, what: "enabled" },
        (account) =>
          account.disabled
            ? { set: { disabled: false }, event: { type: "user.enabled", data: {} } }
            : undefined,
      );
    },
  };
}
