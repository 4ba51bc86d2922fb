import type {
  ConfiguredKeyState,
  CurrentConfiguration,
  GatewayValues,
  PassportPublicKey,
} from "@edgepass/shared/configuration";
import type { Profile } from "@edgepass/shared/passport";
import { choosePassports, type PassportSigningKey } from "./passport_keys.ts";

/** A key of Passports as administrators see it: never its material. */
export interface ReportedKey {
  /** Its name. */
  readonly kid: string;
  /** The kind of Passport it signs. */
  readonly profile: Profile;
  /** Where it stands, by what is in force in this instance. */
  readonly state: ConfiguredKeyState;
  /** Who says so. */
  readonly from: "central" | "own";
  /** Its public half, where it has one. */
  readonly publicKey?: PassportPublicKey;
}

/** What an instance tells of its keys. */
export interface KeyReport {
  /** The version of the central configuration that is in force in it. */
  readonly version: number;
  /** Every key it has material of. */
  readonly keys: readonly ReportedKey[];
}

/** Tells where each key stands. */
export function reportKeys(
  keys: readonly PassportSigningKey[],
  { version, values }: CurrentConfiguration<GatewayValues>,
): KeyReport {
  const { passport: states = {} } = values.keys;
  const { S, A } = choosePassports(keys, values).signingKeys;
  return {
    version,
    keys: keys.map(({ profile, state: own, signing: { kid }, publicKey }) => {
      const isCentral = Object.hasOwn(states, kid);
      const state = (isCentral ? states[kid] : undefined) ?? own;
      const signs = (profile === "S" ? S : A)?.kid === kid;
      // The secret's own signer has been replaced by one of the configuration.
      const isPast = state === "signing" && !signs;
      return {
        kid,
        profile,
        state: isPast ? "retired" : state,
        from: isCentral ? "central" : "own",
        ...(publicKey ? { publicKey } : {}),
      };
    }),
  };
}
