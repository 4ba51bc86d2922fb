import { Problem } from "@edgepass/shared/problem";
import { UniqueViolation } from "@edgepass/shared/sql";
import { changeAccount } from "./change_account.ts";
import type { AuthOptions, Client } from "./options.ts";
import { isEmail, normaliseEmail } from "./email.ts";
import type { Requester } from "./passwords/hashing_slots.ts";
import { findPasswordFault } from "./passwords/policy.ts";
import type { NewAccount, Role } from "./schema.ts";
import type { Account } from "./store/mod.ts";

/** An account that is not closed. */
export type OpenAccount = Account & { readonly email: string; readonly name: string };

export interface Accounts {
  /**
   * Creates an account with the role `learner`.
   *
   * @throws {Problem} `validation_failed`, `email_taken`, `rate_limited`
   */
  signUp(input: NewAccount, client: Client): Promise<OpenAccount>;
  /** @throws {Problem} `not_found`, also when it is closed */
  find(id: string): Promise<OpenAccount>;
  /**
   * Closes a person's account: erases address, name and password, and ends all logins.
   *
   * @throws {Problem} `conflict` for the last administrator, `revocation_unavailable` when Redis
   *   did not receive the revocation: a retry continues where it stopped
   */
  close(id: string): Promise<void>;
  /** Creates the first administrator, unless the address has an account. */
  createAdministrator(administrator: { email: string; password: string }): Promise<void>;
}

/** Long enough for one hash under load. */
const claimMs = 30_000;

/** Creates the account rules. */
export function createAccounts(deps: AuthOptions): Accounts {
  const { store, passwords, loginThrottle, revocations, log, now, newId } = deps;

  async function create(
    { email, password, name }: NewAccount,
    { roles, requester }: { readonly roles: Role[]; readonly requester?: Requester },
  ): Promise<OpenAccount> {
    const at = now();
    // Only the request that holds the address hashes: fifty parallel sign-ups cost one hash, not
    // fifty.
    if (!(await store.accounts.claimAddress(email, { now: at, until: at + claimMs }))) {
      throw new Problem("email_taken");
    }
    try {
      if (await store.accounts.findByEmail(email)) throw new Problem("email_taken");
      const passwordHash = await passwords.hash(password, requester);
      const account = { ...newAccount(newId(), at), email, name, passwordHash, roles };
      await store.accounts.insert(account, { type: "user.registered", data: { name } });
      return account;
    } catch (error) {
      if (error instanceof UniqueViolation) throw new Problem("email_taken", { cause: error });
      throw error;
    } finally {
      await store.accounts.releaseAddress(email);
    }
  }

  return {
    async signUp(input, client) {
      const email = normaliseEmail(input.email);
      requireFit({ ...input, email });
      const attempt = await loginThrottle.admitSignUp(client.network);
      try {
        const by = { roles: ["learner"] satisfies Role[], requester: client };
        const account = await create({ ...input, email }, by);
        await attempt.right();
        log.info("Account created", { accountId: account.id });
        return account;
      } catch (error) {
        const isTaken = error instanceof Problem && error.code === "email_taken";
        if (!isTaken) await attempt.undecided();
        throw error;
      }
    },
    async find(id) {
      return requireOpen(await store.accounts.findById(id));
    },
    async close(id) {
      const account = await store.accounts.findById(id);
      if (!account) throw new Problem("not_found");
      if (account.closedAt === null) {
        await changeAccount(store.accounts, id, () => closing(deps, id));
        log.info("Account closed", { audit: "closed", actorId: id, targetId: id });
      }
      await revocations.announce("subject", id);
    },
    async createAdministrator({ email, password }) {
      const normalised = normaliseEmail(email);
      if (await store.accounts.findByEmail(normalised)) return;
      try {
        const input = { email: normalised, password, name: "Administrator" };
        const { id } = await create(input, { roles: ["admin"] });
        log.info("First administrator created", { accountId: id });
      } catch (error) {
        // Another process or isolate started at the same time and created it first.
        if (!(error instanceof Problem && error.code === "email_taken")) throw error;
      }
    },
  };
}

/** The account, if it is there and not closed. @throws {Problem} `not_found` */
export function requireOpen(account: Account | undefined): OpenAccount {
  if (account?.closedAt !== null || account.email === null || account.name === null) {
    throw new Problem("not_found");
  }
  return { ...account, email: account.email, name: account.name };
}

function newAccount(id: string, at: number) {
  return {
    id,
    passwordChangedAt: at,
    disabled: false,
    closedAt: null,
    uv: 1,
    version: 1,
    createdAt: at,
    updatedAt: at,
  };
}

function closing({ revocations, now, newId }: AuthOptions, id: string) {
  const at = now();
  const erased = { email: null, name: null, passwordHash: null, roles: [] };
  return {
    set: { ...erased, closedAt: at },
    now: at,
    revokeUntil: revocations.keepUntil(),
    endLogins: { by: "closed" },
    leavesAdministration: true,
    audit: { id: newId(), at, actorId: id, targetId: id, what: "closed" },
    event: { type: "user.deleted", data: {} },
  } as const;
}

function requireFit({ email, password }: NewAccount): void {
  const faults = [
    ...(isEmail(email) ? [] : [{ path: "email", message: "Must be an e-mail address" }]),
    ...[findPasswordFault(password, email)].filter((fault) => fault !== undefined)
      .map((message) => ({ path: "password", message })),
  ];
  if (faults.length > 0) throw new Problem("validation_failed", { details: faults });
}
