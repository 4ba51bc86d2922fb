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
  /** Key ID. */
  readonly kid: string;
  /** The kind of Passport it signs. */
  readonly profile: Profile;
  /** Its state in this instance's current configuration. */
  readonly state: ConfiguredKeyState;
  /** Where the state comes from: the central configuration, or the key's own setting. */
  readonly from: "central" | "own";
  /** Its public half, for an asymmetric key. */
  readonly publicKey?: PassportPublicKey;
}

/** An instance's report on its keys. */
export interface KeyReport {
  /** The version of the central configuration that is current in it. */
  readonly version: number;
  /** Every key whose material it has. */
  readonly keys: readonly ReportedKey[];
}

/** Reports the state of each key. */
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
      // The configuration has chosen another key to sign instead of the setting's.
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
