import type { AccountSummary } from "@edgepass/contracts";
import { Problem } from "@edgepass/shared/problem";
import type { ProfileChange } from "./schema.ts";
import type { ProfileEvent, ProfileRecord, ProfileStore } from "./store.ts";

/** The signed-in person; routes let nobody else through. */
export interface Person {
  readonly userId: string;
}

/** What user asks of auth, in the name of the person whose request is served. */
export interface Accounts {
  /** The person's own account; undefined when it is closed. */
  mine(): Promise<AccountSummary | undefined>;
  /** Anybody's account; undefined where there is none. */
  find(id: string): Promise<AccountSummary | undefined>;
  /**
   * Closes the person's own account; doing it twice is doing it once.
   *
   * @throws {Problem} `not_found` where there is none, `conflict` for the last administrator
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
    /** What others see; of a person who may not come in they see nothing. */
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
     * The mark comes first: were the last step lost, the profile's next reader would ask auth and
     * erase it, for its person can no longer come back and try again.
     */
    async close({ userId }: Person): Promise<void> {
      await store.markClosing(userId, now());
      await accounts.close();
      await store.erase(userId, now());
    },
  };
}

function createGuard({ store, now = Date.now }: ProfileOptions) {
  /** The profile of a living account, learned from auth where this is the first anybody hears. */
  return async function requireProfile(
    id: string,
    ask: () => Promise<AccountSummary | undefined>,
  ): Promise<ProfileRecord> {
    const known = await store.find(id);
    if (known !== undefined && known.closingAt === null) return requireAlive(known);
    const account = await ask();
    if (account === undefined) {
      if (known !== undefined) await store.erase(id, now());
      throw new Problem("not_found");
    }
    if (account.id !== id) {
      throw new Problem("upstream_bad_response", { cause: new Error("Auth named somebody else") });
    }
    if (known === undefined) await store.insert(newProfile(account, now()));
    return requireAlive(await store.find(id));
  };
}

function requireAlive(profile: ProfileRecord | undefined): ProfileRecord {
  if (profile === undefined || profile.erasedAt !== null) throw new Problem("not_found");
  return profile;
}

/** Other services keep the name of a profile and nothing else of it. */
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
