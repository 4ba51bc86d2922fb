import type { Logger } from "@edgepass/shared/log";
import type { IssueGrant } from "./grants.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { PasswordHasher } from "./passwords/hasher.ts";
import type { Requester } from "./passwords/hashing_slots.ts";
import type { RevocationWriter } from "./revocations.ts";
import type { AuthStore } from "./store/mod.ts";

/** What the rules are given; they know nothing of HTTP, SQL or the clock. */
export interface AuthOptions {
  readonly store: AuthStore;
  readonly passwords: PasswordHasher;
  readonly loginThrottle: LoginThrottle;
  readonly revocations: RevocationWriter;
  readonly issueGrant: IssueGrant;
  /** The key behind the refresh grace. */
  readonly refreshTokenKey: () => Promise<CryptoKey>;
  /** Lives of tokens, in force at this moment. */
  readonly lifetimes: () => Lifetimes;
  /** Absolute life of a login. */
  readonly sessionMaxSeconds: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Lives of tokens, which the central configuration may change at any time. */
export interface Lifetimes {
  readonly accessTokenTtlSeconds: number;
  /** Idle life, renewed by rotation. */
  readonly refreshTokenTtlSeconds: number;
}

/** Where a request comes from, as far as the rules care. */
export interface Client extends Requester {
  /** What the client calls itself; a label for the person's list of logins. */
  readonly userAgent: string | null;
}

/** A person of our own issuer, and the login they come with. */
export interface Person {
  readonly userId: string;
  readonly sid: string;
}
