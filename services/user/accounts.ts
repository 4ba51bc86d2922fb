import { AccountSummary } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import type { Accounts } from "./service.ts";

/**
 * The accounts that auth keeps, asked in the name of the request that is served.
 *
 * Each call throws `upstream_unavailable` when auth says so of itself, `upstream_bad_response` when
 * it fails or answers something else, and what the client throws when it cannot be reached.
 */
export function authAccounts(client: ServiceClient<"auth">): Accounts {
  async function read(path: string): Promise<AccountSummary | undefined> {
    const response = await client.call("auth", path);
    if (response.status !== 200) {
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      throw toProblem(response);
    }
    const account = AccountSummary.safeParse(await response.json().catch(() => undefined));
    if (!account.success) throw new Problem("upstream_bad_response", { cause: account.error });
    return account.data;
  }
  return {
    mine: () => read("/internal/accounts/me"),
    find: (id) => read(`/internal/accounts/${id}`),
    async close() {
      const response = await client.call("auth", "/internal/accounts/me", { method: "DELETE" });
      await response.body?.cancel();
      if (response.status === 204) return;
      // Nobody's account, which is not the same as one that is closed: that one answers 204 again.
      if (response.status === 404) throw new Problem("not_found");
      if (response.status === 409) throw new Problem("conflict", { detail: lastAdministrator });
      throw toProblem(response);
    },
  };
}

const lastAdministrator = "The last administrator cannot close the account";

function toProblem({ status }: Response): Problem {
  const cause = new Error(`Auth answered ${status}`);
  return new Problem(status === 503 ? "upstream_unavailable" : "upstream_bad_response", { cause });
}
