import { digest } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import type { LoginAttemptStore } from "./store/mod.ts";

/** A window's limit; the guess that exceeds it is refused until the window ends. */
interface Limit {
  readonly max: number;
  readonly windowMs: number;
}

const minutes = 60_000;

/** How many guesses are let through, in one table. */
export const loginAttemptLimits = {
  /** Wrong passwords for one account from one network. */
  accountFromNetwork: { max: 10, windowMs: 15 * minutes },
  /** Wrong passwords from one network, whatever the account: a school's typing errors fit. */
  network: { max: 300, windowMs: 15 * minutes },
  /** Wrong passwords for one account from networks it never logged in from. */
  account: { max: 100, windowMs: 60 * minutes },
  /** Sign-ups from one network that came to nothing; they tell which addresses are taken. */
  failedSignUp: { max: 100, windowMs: 15 * minutes },
  /** Accounts made from one network: several schools behind one address, no more. */
  signUp: { max: 2000, windowMs: 60 * minutes },
} as const satisfies Record<string, Limit>;

type LimitName = keyof typeof loginAttemptLimits;

/** What a guess was counted under, to be told how it ended. */
export interface AdmittedAttempt {
  /** It was right: nobody was guessing. */
  right(): Promise<void>;
  /** It was neither right nor wrong, as when the service was too busy to look. */
  undecided(): Promise<void>;
}

export interface LoginThrottle {
  /**
   * Counts a guess at a password before it is looked at.
   *
   * Known and unknown accounts count alike. A lockout by account cannot be used against its owner:
   * networks it logged in from before are bound by their own limit only.
   *
   * @throws {Problem} `rate_limited` with `Retry-After`
   */
  admitPassword(attempt: { email: string; network: string }): Promise<AdmittedAttempt>;
  /** Counts a sign-up. @throws {Problem} `rate_limited` with `Retry-After` */
  admitSignUp(network: string): Promise<AdmittedAttempt>;
}

/** Makes the throttle of guesses. */
export function createLoginThrottle(
  { store, now }: { store: LoginAttemptStore; now: () => number },
): LoginThrottle {
  /** Counts, and answers until when the guess is refused, or undefined. */
  async function refusedUntil(counted: readonly Counted[]): Promise<number | undefined> {
    const counts = await store.count(counted, now());
    const exceeded = counts.filter(({ count }, at) => count > (counted[at]?.max ?? 0));
    return exceeded.length === 0
      ? undefined
      : Math.max(...exceeded.map(({ expiresAt }) => expiresAt));
  }

  return {
    async admitPassword({ email, network }) {
      const pair = await toCounted("accountFromNetwork", `${email}\n${network}`);
      const byNetwork = await toCounted("network", network);
      const byAccount = await toCounted("account", email);
      // A guess refused here does not count against the account, or one network alone could lock it.
      const until = await refusedUntil([pair, byNetwork]);
      if (until !== undefined) throw refusal(until - now());
      const accountUntil = await refusedUntil([byAccount]);
      if (
        accountUntil !== undefined &&
        !(await store.isKnownNetwork(email, await digest(network)))
      ) {
        throw refusal(accountUntil - now());
      }
      const takeBack = [byNetwork.key, byAccount.key];
      return {
        right: () => store.forgive({ reset: [pair.key], takeBack }),
        undecided: () => store.forgive({ reset: [], takeBack: [pair.key, ...takeBack] }),
      };
    },
    async admitSignUp(network) {
      const failed = await toCounted("failedSignUp", network);
      const made = await toCounted("signUp", network);
      const until = await refusedUntil([failed, made]);
      if (until !== undefined) throw refusal(until - now());
      return {
        right: () => store.forgive({ reset: [], takeBack: [failed.key] }),
        undecided: () => store.forgive({ reset: [], takeBack: [failed.key, made.key] }),
      };
    },
  };
}

interface Counted extends Limit {
  readonly key: string;
}

/** Addresses of people and machines are not kept where a count is all that is needed. */
async function toCounted(limit: LimitName, subject: string): Promise<Counted> {
  return { ...loginAttemptLimits[limit], key: `${limit}:${await digest(subject)}` };
}

function refusal(waitMs: number): Problem {
  return new Problem("rate_limited", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))) },
  });
}
