import * as z from "zod/mini";
import { Kid } from "../crypto/mod.ts";
import { policyVersions } from "../passport/mod.ts";
import { RoutePath } from "./gateway_section.ts";

/** State of a key; a `revoked` key verifies nothing. */
export const ConfiguredKeyState = z.enum(["published", "signing", "retired", "revoked"]);
/** State of a key; a `revoked` key verifies nothing. */
export type ConfiguredKeyState = z.infer<typeof ConfiguredKeyState>;

const KeyStates = z.record(Kid, ConfiguredKeyState);
type KeyStates = z.infer<typeof KeyStates>;

function hasOneSigning(states: KeyStates, kids = Object.keys(states)): boolean {
  return kids.filter((kid) => Object.hasOwn(states, kid) && states[kid] === "signing").length <= 1;
}

const oneSigning = "must have one key in state signing at most";

/** A public Ed25519 key (RFC 8037 §2); a private member is refused. */
export const PassportPublicKey = z.strictObject({
  kid: Kid.check(z.meta({ description: "Id of the key, as in Passports" })),
  kty: z.literal("OKP").check(z.meta({ description: "Its type" })),
  crv: z.literal("Ed25519").check(z.meta({ description: "Its curve" })),
  alg: z.literal("EdDSA").check(z.meta({ description: "Its algorithm" })),
  use: z.literal("sig").check(z.meta({ description: "Its use" })),
  x: z.string().check(
    z.regex(/^[\w-]{43}$/, { error: "must be 32 bytes as base64url" }),
    z.meta({ description: "The public key itself" }),
  ),
});
/** A public Ed25519 key. */
export type PassportPublicKey = z.infer<typeof PassportPublicKey>;

/** States of keys whose key material is a deployment secret, and public keys of Passports. */
export const KeysSection = z.strictObject({
  access: z.optional(KeyStates.check(
    z.refine((states) => hasOneSigning(states), oneSigning),
    z.meta({
      description: "States of access token keys by `kid`; they override those of the environment",
      env: "ACCESS_TOKEN_KEYS",
    }),
  )),
  passport: z.optional(KeyStates.check(
    z.meta({
      description: "States of Passport keys by `kid`; they override those of the environment",
      env: "PASSPORT_KEYS",
    }),
  )),
  passportPublic: z.optional(
    z.array(PassportPublicKey).check(
      z.maxLength(16),
      z.refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, {
        error: "must have each kid once",
      }),
      z.meta({ description: "Public keys by which services verify Passports of profile A" }),
    ),
  ),
}).check(
  // A key with a public key here is one of profile A. Each profile has its own signing key.
  z.refine(
    ({ passport = {}, passportPublic = [] }) => {
      const profileA = new Set(passportPublic.map(({ kid }) => kid));
      const kids = Map.groupBy(Object.keys(passport), (kid) => profileA.has(kid));
      return [...kids.values()].every((own) => hasOneSigning(passport, own));
    },
    { error: `${oneSigning}, of each profile`, path: ["passport"] },
  ),
);
/** States of keys whose key material is a deployment secret, and public keys of Passports. */
export type KeysSection = z.infer<typeof KeysSection>;

const Send = z.enum(["S", "shadow", "A"]);
const Policy = z.enum(policyVersions);

/** The Passports that are sent and accepted. */
export const PassportSection = z.strictObject({
  send: z.optional(Send.check(
    z.meta({ description: "Profile of the Passports that are signed; `shadow` sends both" }),
  )),
  sendByRoute: z.optional(
    z.record(RoutePath, Send).check(
      z.meta({ description: "The same for single routes, by their path" }),
    ),
  ),
  policy: z.optional(Policy.check(
    z.meta({
      description:
        "Version of the policy that services take; of the profile that is sent the one with the same last number",
      env: "PASSPORT_POLICY",
    }),
  )),
  policyByRoute: z.optional(
    z.record(RoutePath, Policy).check(
      z.meta({ description: "The same for single routes, by their path" }),
    ),
  ),
  accept: z.optional(
    z.array(z.enum(["S", "A"])).check(
      z.minLength(1),
      z.maxLength(2),
      z.refine((profiles) => new Set(profiles).size === profiles.length, {
        error: "must have each profile once",
      }),
      z.meta({ description: "Profiles that services accept" }),
    ),
  ),
}).check(
  z.refine(
    ({ send, sendByRoute = {}, accept = ["S"] }) =>
      [...(send ? [send] : []), ...Object.values(sendByRoute)]
        .every((sent) => accept.includes(sent === "A" ? "A" : "S")),
    { error: "must have the profile that decides wherever it is sent", path: ["accept"] },
  ),
);
/** The Passports that are sent and accepted. */
export type PassportSection = z.infer<typeof PassportSection>;

/** Kinds of keys whose states are in the central document. */
export type KeyKind = "access" | "passport";

/** The changes of one version of the document, from its history. */
export interface KeyChange {
  /** Changed paths in the document. */
  readonly changed: readonly string[];
}

/** Longest possible life of a token by the kind of its key, in seconds, for any configuration. */
const longestLifeSeconds = { access: 900, passport: 300 } as const satisfies Record<
  KeyKind,
  number
>;

/**
 * An instance that has not loaded the new document yet may sign with the retired key a bit longer.
 */
const lagSeconds = 60;

/**
 * How long a retired key still verifies, in seconds, until every token that it signed has expired.
 */
export function retirementSeconds(kind: KeyKind, leewaySeconds: number): number {
  return longestLifeSeconds[kind] + leewaySeconds + lagSeconds;
}

/** The version that set a key's current state; `changes` are newest first. */
export function findStateChange<Change extends KeyChange>(
  changes: readonly Change[],
  kind: KeyKind,
  kid: string,
): Change | undefined {
  const path = `keys.${kind}.${kid}`;
  // A part that was added as a whole is listed by its own path only.
  const paths: readonly string[] = [path, `keys.${kind}`, "keys", ""];
  return changes.find(({ changed }) => changed.some((one) => paths.includes(one)));
}

/** Revoked keys that would sign again: verifiers may have removed them and refuse their tokens. */
export function listUnrevoked(
  before: Readonly<Record<string, ConfiguredKeyState>> = {},
  after: Readonly<Record<string, ConfiguredKeyState>> = {},
): string[] {
  return Object.keys(after).filter((kid) =>
    after[kid] === "signing" && Object.hasOwn(before, kid) && before[kid] === "revoked"
  );
}
