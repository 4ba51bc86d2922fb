import type { AlgorithmName } from "../crypto/mod.ts";

interface ProfileRules {
  /** The version of the policy that a minter of this source writes: `pv`. */
  readonly version: string;
  /** The minor line a verifier of this source understands; patches of a line are compatible. */
  readonly line: string;
  /** The JOSE `typ`. */
  readonly typ: string;
  /** The one algorithm of the profile's keys. */
  readonly alg: AlgorithmName;
}

/**
 * Everything that differs between the two kinds of Passport: S is policy v0.1.0, whose verifiers
 * hold the key that mints; A is policy v0.2.0, whose private key the gateway alone holds.
 */
export const profiles = {
  S: { version: "0.1.0", line: "0.1", typ: "passport+jwt", alg: "HS256" },
  A: { version: "0.2.0", line: "0.2", typ: "txntoken+jwt", alg: "EdDSA" },
} as const satisfies Record<string, ProfileRules>;

/** A kind of Passport. */
export type Profile = keyof typeof profiles;

/** Every profile there is. */
export const profileNames = Object.keys(profiles) as readonly Profile[];
