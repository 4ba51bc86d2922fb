import {
  type GatewayValues,
  json,
  type KeysSection,
  type LiveConfiguration,
  type PassportPublicKey,
} from "@edgepass/shared/configuration";
import {
  Ed25519PrivateJwk,
  importKeyPair,
  importSecret,
  type KeySource,
  KeyState,
  Kid,
  readSecret,
  shareRun,
  type SigningKey,
} from "@edgepass/shared/crypto";
import type { Logger } from "@edgepass/shared/telemetry";
import { areDistinct, type Profile, SymmetricKey } from "@edgepass/shared/passport";
import type { Issuers } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import type { Issuer } from "./issuers.ts";
import type { PassportOptions } from "./passport_claims.ts";

const PrivateJwk = z.extend(Ed25519PrivateJwk, {
  kid: z.optional(Kid),
  alg: z.optional(z.literal("EdDSA")),
  use: z.optional(z.literal("sig")),
});

const Entry = z.strictObject({
  kid: Kid,
  state: KeyState,
  secret: z.optional(SymmetricKey.shape.secret),
  alg: z.optional(z.literal("EdDSA")),
  jwk: z.optional(PrivateJwk),
}).check(
  z.refine(
    ({ secret, alg, jwk }) => secret ? !alg && !jwk : alg !== undefined && jwk !== undefined,
    "must have a secret, or alg and jwk",
  ),
  z.refine(
    ({ jwk }) => jwk === undefined || readSecret(jwk.d) instanceof Uint8Array,
    "must not be a well-known or patterned key",
  ),
  z.refine(({ kid, jwk }) => (jwk?.kid ?? kid) === kid, "must have the kid of its jwk"),
);
type Entry = z.output<typeof Entry>;

const entries = z.array(Entry).check(
  z.minLength(1),
  z.refine((keys) => areDistinct(keys.map(({ kid }) => kid)), "has a kid twice"),
  z.refine((keys) => areDistinct(keys.map(toMaterial)), "has a secret twice"),
  z.refine(
    (keys) => [countSigning(keys, "S"), countSigning(keys, "A")].every((count) => count <= 1),
    "must have exactly one key in state signing of each profile",
  ),
  z.refine(
    (keys) => countSigning(keys, "S") + countSigning(keys, "A") > 0,
    "must have exactly one key in state signing",
  ),
  z.refine(
    (keys) => countSigning(keys, "S") > 0 || keys.every(({ secret }) => !secret),
    "must have exactly one key in state signing",
  ),
);

/**
 * `PASSPORT_KEYS` of the gateway: a JSON array of `{kid, secret, state}` (profile S) and
 * `{kid, alg: "EdDSA", jwk, state}` (profile A, both halves), one signing of each kind at most.
 */
export const passportSigningKeysSetting = json(entries);

/** A key that can sign Passports, and its state in the environment's settings. */
export interface PassportSigningKey {
  /** The kind of Passport it signs. */
  readonly profile: Profile;
  /** Its state; the central configuration may override it. */
  readonly state: KeyState;
  /** The imported key, which signs and does nothing else. */
  readonly signing: SigningKey;
  /** For profile A: the public half by which services verify its signatures. */
  readonly publicKey?: PassportPublicKey;
}

/**
 * Imports every key once.
 *
 * @throws {TypeError} when the halves of a pair do not belong together; it names the setting only
 */
export async function readPassportSigningKeys(
  setting: z.output<typeof passportSigningKeysSetting>,
): Promise<readonly PassportSigningKey[]> {
  return await Promise.all(setting.map(async ({ kid, state, secret, jwk }) => {
    const signing = secret
      ? await importSecret({ kid, secret }, ["sign"])
      : jwk && await importKeyPair(kid, jwk);
    if (signing && jwk) {
      return { profile: "A", state, signing, publicKey: toPublicKey(kid, jwk.x) } as const;
    }
    if (signing) return { profile: "S", state, signing } as const;
    throw new TypeError("Cannot start: PASSPORT_KEYS has a key whose halves do not match");
  }));
}

/** RFC 8037 §2, without the private half. */
function toPublicKey(kid: string, x: string): PassportPublicKey {
  return { kid, kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", x };
}

type KeyStates = NonNullable<KeysSection["passport"]>;

/**
 * Which profile is sent on each route and which keys sign; the central configuration overrides the
 * environment.
 *
 * A key of profile A signs only once its public half is in the configuration, where services find
 * it.
 *
 * @throws {RangeError} for a profile that no key can sign
 */
export function choosePassports(
  keys: readonly PassportSigningKey[],
  { keys: { passport: states, passportPublic = [] }, passport }: Pick<
    GatewayValues,
    "keys" | "passport"
  >,
): Pick<PassportOptions, "signingKeys" | "send" | "sendByRoute"> {
  const published = new Set(passportPublic.map(({ kid }) => kid));
  const S = chooseSigningKey(keys, "S", states);
  const A = chooseSigningKey(keys, "A", states);
  const { accept = ["S"], sendByRoute = {} } = passport;
  const { send = S && accept.includes("S") ? "S" : "A" } = passport;
  for (const sent of new Set([send, ...Object.values(sendByRoute)])) {
    if (sent !== "A" && !S) throw new RangeError("Cannot send profile S: no key of it signs");
    if (sent !== "S" && !A) throw new RangeError("Cannot send profile A: no key of it signs");
    // A default is not checked: there is no other profile to send.
    const isChosen = sent !== send || passport.send !== undefined;
    if (sent !== "S" && A && isChosen && !published.has(A.kid)) {
      throw new RangeError("Cannot send profile A: services do not have the key that signs it");
    }
  }
  return { signingKeys: { ...(S ? { S } : {}), ...(A ? { A } : {}) }, send, sendByRoute };
}

/**
 * The one key of a profile that signs, if there is one: the configuration's choice before that of
 * the environment, and never a key that has another state in the configuration.
 */
function chooseSigningKey(
  keys: readonly PassportSigningKey[],
  profile: Profile,
  states: KeyStates = {},
): SigningKey | undefined {
  const own = keys.filter((key) => key.profile === profile);
  const chosen = own.find(({ signing }) => states[signing.kid] === "signing") ??
    own.find(({ state, signing }) => state === "signing" && !Object.hasOwn(states, signing.kid));
  return chosen?.signing;
}

function countSigning(keys: readonly Entry[], profile: Profile): number {
  return keys.filter(({ secret, state }) => state === "signing" && (secret ? "S" : "A") === profile)
    .length;
}

function toMaterial({ secret, jwk }: Entry): string {
  return secret ? secret.toHex() : String(jwk?.d);
}

/** The Passport signing keys; keys may be added while the gateway runs. */
export interface PassportSigningKeys {
  /** Every key whose material was read. */
  all(): readonly PassportSigningKey[];
  /**
   * Reads the key file again, where the runtime has one, and adds the new keys. It never throws: a
   * file that cannot be read leaves the keys as they are.
   */
  reload(): Promise<void>;
}

/** Keys that never change. */
export function staticPassportSigningKeys(
  keys: readonly PassportSigningKey[],
): PassportSigningKeys {
  return { all: () => keys, reload: () => Promise.resolve() };
}

/** The environment's keys, and those that were added to `source` since. */
export function createPassportSigningKeys(
  initial: readonly PassportSigningKey[],
  { source, log }: { readonly source: KeySource; readonly log: () => Logger },
): PassportSigningKeys {
  let keys = initial;

  async function read(): Promise<void> {
    try {
      const current = new Set(keys.map(({ signing }) => signing.kid));
      const found = z.parse(passportSigningKeysSetting, await source());
      // A key added later signs only when the configuration chooses it.
      const added = found.filter(({ kid }) => !current.has(kid))
        .map((entry) => ({ ...entry, state: "published" as const }));
      if (added.length === 0) return;
      keys = [...keys, ...await readPassportSigningKeys(added)];
      log().info("Passport keys were added", { kids: added.map(({ kid }) => kid) });
    } catch {
      // Without the cause, which may quote key material.
      log().error("Passport keys could not be reloaded");
    }
  }

  return { all: () => keys, reload: shareRun(read) };
}

/**
 * Before a version becomes current, loads the keys that it names and that are missing: Passport
 * keys from the key file, keys of our access tokens from the issuer. This happens once a version,
 * so an unknown `kid` in a client's token cannot cause it.
 */
export function prepareKeys(
  configuration: LiveConfiguration<GatewayValues>,
  { keys, issuers }: {
    readonly keys: PassportSigningKeys;
    readonly issuers: Issuers<Issuer>;
  },
): void {
  configuration.prepare(({ keys: { passport = {} } }) => {
    const current = new Set(keys.all().map(({ signing }) => signing.kid));
    return usableKids(passport).every((kid) => current.has(kid)) ? undefined : keys.reload();
  });
  const own = issuers.all.find(({ alias }) => alias === undefined);
  if (own) configuration.prepare(({ keys: { access = {} } }) => own.expectKeys(usableKids(access)));
}

function usableKids(states: Readonly<Record<string, string>>): string[] {
  return Object.entries(states)
    .filter(([, state]) => state === "published" || state === "signing")
    .map(([kid]) => kid);
}
