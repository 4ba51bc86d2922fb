import { digest } from "@edgepass/shared/crypto";
import { Problem } from "@edgepass/shared/problem";
import type { LoginAttemptStore } from "./store/mod.ts";

/** A window's limit; attempts beyond it are refused until the window ends. */
interface Limit {
  readonly max: number;
  readonly windowMs: number;
}

const minutes = 60_000;

/** How many attempts are admitted, in one table. */
export const loginAttemptLimits = {
  /** Wrong passwords for one account from one network. */
  accountFromNetwork: { max: 10, windowMs: 15 * minutes },
  /**
   * Wrong passwords from one network, for any account: high enough for the typing errors of a
   * school.
   */
  network: { max: 300, windowMs: 15 * minutes },
  /** Wrong passwords for one account from networks it never logged in from. */
  account: { max: 100, windowMs: 60 * minutes },
  /** Failed sign-ups from one network; they reveal which addresses are taken. */
  failedSignUp: { max: 100, windowMs: 15 * minutes },
  /** Accounts created from one network: enough for several schools behind one address. */
  signUp: { max: 2000, windowMs: 60 * minutes },
} as const satisfies Record<string, Limit>;

type LimitName = keyof typeof loginAttemptLimits;

/** A counted attempt, to be completed with its outcome. */
export interface AdmittedAttempt {
  /** The password was correct: the attempt does not count. */
  right(): Promise<void>;
  /** Neither correct nor wrong, for example when the hasher was too busy to check. */
  undecided(): Promise<void>;
}

export interface LoginThrottle {
  /**
   * Counts a login attempt before its password is checked.
   *
   * Existing and unknown accounts count alike. A lockout by account cannot be used against its
   * owner: networks with an earlier login of the account are bound only by their own limit.
   *
   * @throws {Problem} `rate_limited` with `Retry-After`
   */
  admitPassword(attempt: { email: string; network: string }): Promise<AdmittedAttempt>;
  /** Counts a sign-up. @throws {Problem} `rate_limited` with `Retry-After` */
  admitSignUp(network: string): Promise<AdmittedAttempt>;
}

/** Creates the throttle of login attempts. */
export function createLoginThrottle(
  { store, now }: { store: LoginAttemptStore; now: () => number },
): LoginThrottle {
  /** Counts, and returns until when the attempt is refused, or undefined. */
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
      // An attempt refused here does not count against the account: otherwise one network could
      // lock it.
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

/** Hashes the subject: a counter needs no address of a person or machine. */
async function toCounted(limit: LimitName, subject: string): Promise<Counted> {
  return { ...loginAttemptLimits[limit], key: `${limit}:${await digest(subject)}` };
}

function refusal(waitMs: number): Problem {
  return new Problem("rate_limited", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))) },
  });
}
