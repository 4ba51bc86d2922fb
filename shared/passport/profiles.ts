import type { AlgorithmName } from "../crypto/mod.ts";

interface ProfileRules {
  /** The policy version that this code's Passport issuer writes: `pv`. */
  readonly version: string;
  /** The minor version that this code's verifier accepts; its patch versions are compatible. */
  readonly line: string;
  /** The JOSE `typ`. */
  readonly typ: string;
  /** The one algorithm of the profile's keys. */
  readonly alg: AlgorithmName;
}

/**
 * Everything that differs between the two kinds of Passport: S is policy v0.1.0, whose verifiers
 * have the signing secret; A is policy v0.2.0, whose private key the gateway alone has.
 */
export const profiles = {
  S: { version: "0.1.0", line: "0.1", typ: "passport+jwt", alg: "HS256" },
  A: { version: "0.2.0", line: "0.2", typ: "txntoken+jwt", alg: "EdDSA" },
} as const satisfies Record<string, ProfileRules>;

/** A kind of Passport. */
export type Profile = keyof typeof profiles;

/** All profiles. */
export const profileNames = Object.keys(profiles) as readonly Profile[];
