import { Problem } from "@edgepass/shared/problem";
import { VersionConflict } from "@edgepass/shared/sql";
import type { Account, AccountChange, AccountStore } from "./store/mod.ts";

/** More attempts than this are not explained by concurrent writers. */
const maxAttempts = 5;

/** Decides the change from the row that was just read; undefined when nothing is to change. */
export type PlanChange = (
  account: Account,
) => Omit<AccountChange, "id" | "version"> | undefined;

/**
 * Reads an account, decides, and writes the change; retries when a concurrent writer was first.
 *
 * @throws {Problem} `not_found` when there is none or it is closed, `conflict` when no
 *   administrator would be left
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
    // The version is unchanged, so no concurrent writer caused the refusal.
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
