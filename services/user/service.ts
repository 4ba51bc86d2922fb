import { AccountSummary, defineService } from "@edgepass/contracts";
import { type ServiceClient, toResponseProblem } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import { profileHandlers, profileReconciliation } from "./projections.ts";
import { profileRoutes } from "./routes.ts";
import { type Accounts, createProfiles } from "./rules.ts";
import { sqlProfileStore } from "./store.ts";

export default defineService({
  name: "user",
  description: "The profiles of people",
  exports: "Profile",
  calls: ["auth"],
  create({ sql, outbox, client, now }) {
    const store = sqlProfileStore(sql, outbox);
    return {
      routes: {
        "/users": profileRoutes(createProfiles({ store, accounts: authAccounts(client), now })),
      },
      ready: { database: () => store.check() },
      on: profileHandlers(store.effects),
      reconciliation: profileReconciliation,
      readExport: (personId) => store.readExport(personId),
    };
  },
});

/**
 * The accounts in auth, read in the name of the request's subject.
 *
 * Each call throws `upstream_unavailable` when auth reports that of itself, `upstream_bad_response`
 * when auth fails or responds unexpectedly, and what the client throws when it cannot be reached.
 */
function authAccounts(client: ServiceClient<"auth">): Accounts {
  return {
    mine: () => client.read("auth", "/internal/accounts/me", AccountSummary),
    find: (id) => client.read("auth", `/internal/accounts/${id}`, AccountSummary),
    async close() {
      const response = await client.call("auth", "/internal/accounts/me", { method: "DELETE" });
      await response.body?.cancel();
      if (response.status === 204) return;
      // No such account. A closed one is different: it responds with 204 again.
      if (response.status === 404) throw new Problem("not_found");
      if (response.status === 409) throw new Problem("conflict", { detail: lastAdministrator });
      throw toResponseProblem(response, { service: "auth" });
    },
  };
}

const lastAdministrator = "The last administrator cannot close the account";
