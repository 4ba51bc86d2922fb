import { Problem } from "@edgepass/shared/problem";
import { VersionConflict } from "@edgepass/shared/sql";
import type { Account, AccountChange, AccountStore } from "./store/mod.ts";

/** More rounds than this mean that something else than company is wrong. */
const maxAttempts = 5;

/** What is to change, decided on the row that was just read; undefined when nothing is. */
export type PlanChange = (
  account: Account,
) => Omit<AccountChange, "id" | "version"> | undefined;

/**
 * Reads an account, decides, and changes it, again when somebody else was first.
 *
 * @throws {Problem} `not_found` when there is none or it is closed, `conflict` when no administrator
 *   would be left
 */
export async function changeAccount(
  store: AccountStore,
  id: string,
  plan: PlanChange,
): Promise<Account> {
  let version = -1;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const account = await store.findById(id);
    if (!account || account.closedAt !== null) throw new Problem("not_found");
    // The same version as before: it was not company that refused the change.
    if (account.version === version) {
      throw new Problem("conflict", { detail: "No administrator would be left" });
    }
    version = account.version;
    const change = plan(account);
    if (!change) return account;
    try {
      return await store.change({ ...change, id, version });
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
    }
  }
  throw new Problem("conflict", { detail: "Account is being changed by others" });
}
