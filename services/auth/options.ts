import type { RevocationWriter } from "@edgepass/control";
import type { Logger } from "@edgepass/shared/telemetry";
import type { IssueGrant } from "./grants.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { PasswordHasher } from "./passwords/hasher.ts";
import type { Requester } from "./passwords/hashing_slots.ts";
import type { AuthStore } from "./store/mod.ts";

/** Dependencies of the rules, which are free of HTTP, SQL and the clock. */
export interface AuthOptions {
  readonly store: AuthStore;
  readonly passwords: PasswordHasher;
  readonly loginThrottle: LoginThrottle;
  readonly revocations: RevocationWriter;
  readonly issueGrant: IssueGrant;
  /** The key that derives successors inside the refresh grace. */
  readonly refreshTokenKey: () => Promise<CryptoKey>;
  /** Token lifetimes, current at this moment. */
  readonly lifetimes: () => Lifetimes;
  /** Absolute lifetime of a login. */
  readonly sessionMaxSeconds: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
}

/** Token lifetimes, which the central configuration may change at any time. */
export interface Lifetimes {
  readonly accessTokenTtlSeconds: number;
  /** Idle lifetime, renewed by rotation. */
  readonly refreshTokenTtlSeconds: number;
}

/** Where a request comes from, as far as the rules need it. */
export interface Client extends Requester {
  /** The client's User-Agent; a label in the person's list of logins. */
  readonly userAgent: string | null;
}

/** A person of our own issuer, and their current login. */
export interface Person {
  readonly userId: string;
  readonly sid: string;
}
