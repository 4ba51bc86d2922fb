import * as z from "zod/mini";
import {
  importSecret,
  type KeyRing,
  KeyState,
  Kid,
  secretSetting,
  type SigningKey,
} from "../crypto/mod.ts";
import { json } from "../config.ts";

const entries = z.array(z.strictObject({ kid: Kid, secret: secretSetting, state: KeyState })).check(
  z.minLength(1),
  z.refine((keys) => areDistinct(keys.map(({ kid }) => kid)), "has a kid twice"),
  // A secret under a second kid would be a rotation that changes nothing.
  z.refine((keys) => areDistinct(keys.map(({ secret }) => secret.toHex())), "has a secret twice"),
  z.refine(
    (keys) => keys.filter(({ state }) => state === "signing").length === 1,
    "must have exactly one key in state signing",
  ),
);

function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/** `PASSPORT_KEYS`: a JSON array of `{kid, secret, state}`. */
export const passportKeysSetting = json(entries);

/** The imported ring of a trust domain. */
export interface PassportKeys {
  /** Every key of the ring verifies: next, current and previous. */
  readonly ring: KeyRing;
  /** The one that signs; only the gateway has use for it. */
  readonly signing: SigningKey;
}

/**
 * Imports the ring once; nothing later asks for key material again.
 *
 * Keys of the ring verify and do nothing else, so that holding a ring is not yet a way to sign.
 */
export async function readPassportKeys(
  setting: z.output<typeof passportKeysSetting>,
): Promise<PassportKeys> {
  const keys = await Promise.all(setting.map((entry) => importSecret(entry, ["verify"])));
  const entry = setting.find(({ state }) => state === "signing");
  if (!entry) throw new TypeError("Cannot read Passport keys: none is in state signing");
  const signing = await importSecret(entry, ["sign"]);
  return { ring: new Map(keys.map((key) => [key.kid, key])), signing };
}
