import type { AccountSummary } from "@edgepass/contracts";
import { Problem } from "@edgepass/shared/problem";
import type { ProfileChange } from "./schema.ts";
import type { ProfileEvent, ProfileRecord, ProfileStore } from "./store.ts";

/** The signed-in person; the routes admit no other callers. */
export interface Person {
  readonly userId: string;
}

/** The calls to auth, in the name of the request's subject. */
export interface Accounts {
  /** The person's own account; undefined when it is closed. */
  mine(): Promise<AccountSummary | undefined>;
  /** Any account; undefined when there is none. */
  find(id: string): Promise<AccountSummary | undefined>;
  /**
   * Closes the person's own account; idempotent.
   *
   * @throws {Problem} `not_found` when there is none, `conflict` for the last administrator
   */
  close(): Promise<void>;
}

export interface ProfileOptions {
  readonly store: ProfileStore;
  readonly accounts: Accounts;
  readonly now?: () => number;
}

export type Profiles = ReturnType<typeof createProfiles>;

/** The rules of profiles: they exist as long as the account, and only their person changes them. */
export function createProfiles(deps: ProfileOptions) {
  const { store, accounts, now = Date.now } = deps;
  const requireProfile = createGuard(deps);
  return {
    getOwn: ({ userId }: Person) => requireProfile(userId, () => accounts.mine()),
    /** The public profile; a disabled person has none. */
    async getPublic(id: string): Promise<ProfileRecord> {
      const profile = await requireProfile(id, () => accounts.find(id));
      if (await store.isDisabled(id)) throw new Problem("not_found");
      return profile;
    },
    async change(change: ProfileChange, { userId }: Person): Promise<ProfileRecord> {
      const before = await requireProfile(userId, () => accounts.mine());
      if (Object.keys(change).length === 0) return before;
      const after = next(before, change, now());
      if (await store.save(before, after, toEvent(before, after))) return after;
      throw new Problem("conflict", { detail: "The profile was changed meanwhile: read it again" });
    },
    /**
     * Closes the account, then erases the profile.
     *
     * The mark comes first: if the last step were lost, the profile's next reader would check with
     * auth and erase it, because its person can no longer log in to retry.
     */
    async close({ userId }: Person): Promise<void> {
      await store.markClosing(userId, now());
      await accounts.close();
      await store.erase(userId, now());
    },
  };
}

function createGuard({ store, now = Date.now }: ProfileOptions) {
  /**
   * The profile of an open account, created from auth's data when its event has not arrived yet.
   */
  return async function requireProfile(
    id: string,
    fetchAccount: () => Promise<AccountSummary | undefined>,
  ): Promise<ProfileRecord> {
    const stored = await store.find(id);
    if (stored !== undefined && stored.closingAt === null) return requireAlive(stored);
    const account = await fetchAccount();
    if (account === undefined) {
      if (stored !== undefined) await store.erase(id, now());
      throw new Problem("not_found");
    }
    if (account.id !== id) {
      throw new Problem("upstream_bad_response", {
        cause: new Error("Auth returned another account"),
      });
    }
    if (stored === undefined) await store.insert(newProfile(account, now()));
    return requireAlive(await store.find(id));
  };
}

function requireAlive(profile: ProfileRecord | undefined): ProfileRecord {
  if (profile === undefined || profile.erasedAt !== null) throw new Problem("not_found");
  return profile;
}

/** Other services project only the name of a profile. */
function toEvent({ name: before }: ProfileRecord, { id, name }: ProfileRecord) {
  if (name === before) return undefined;
  return { type: "user.profile-changed", subject: id, data: { name } } satisfies ProfileEvent;
}

/** The profile a person has before they change it; `now` is epoch milliseconds. */
export function newProfile(
  { id, name }: Pick<AccountSummary, "id" | "name">,
  now: number,
): ProfileRecord {
  return {
    id,
    name,
    headline: null,
    bio: null,
    avatarUrl: null,
    locale: null,
    version: 1,
    createdAt: now,
    updatedAt: now,
    closingAt: null,
    erasedAt: null,
  };
}

function next(
  before: ProfileRecord,
  {
    name = before.name,
    headline = before.headline,
    bio = before.bio,
    avatarUrl = before.avatarUrl,
    locale = before.locale,
  }: ProfileChange,
  now: number,
): ProfileRecord {
  return {
    ...before,
    name,
    headline,
    bio,
    avatarUrl,
    locale: locale && canonicalLocale(locale),
    version: before.version + 1,
    updatedAt: now,
  };
}

/** `PT-br` and `pt-BR` are one language. */
function canonicalLocale(locale: string): string {
  return Intl.getCanonicalLocales(locale)[0] ?? locale;
}
