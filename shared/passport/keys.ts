import * as z from "zod/mini";
import {
  importSecret,
  type KeyRing,
  type KeySource,
  KeyState,
  Kid,
  secretSetting,
  shareRun,
  type SigningKey,
} from "../crypto/mod.ts";
import { type Bindings, json } from "../config.ts";

/** One key of profile S, as settings have it. */
export const SymmetricKey = z.strictObject({ kid: Kid, secret: secretSetting, state: KeyState });

/** Verifiers of profile A get public keys; a private one that reached them is one too many. */
const publicOrShared = z.array(z.unknown()).check(
  z.refine(
    (entries) => !entries.some(isPrivateKey),
    "must not have a private key here: it is for the gateway alone",
  ),
);

const ring = z.pipe(
  publicOrShared,
  z.array(SymmetricKey).check(
    z.refine((keys) => areDistinct(keys.map(({ kid }) => kid)), "has a kid twice"),
    // A secret under a second kid would be a rotation that changes nothing.
    z.refine((keys) => areDistinct(keys.map(({ secret }) => secret.toHex())), "has a secret twice"),
    z.refine(
      (keys) => keys.length === 0 || keys.filter(({ state }) => state === "signing").length === 1,
      "must have exactly one key in state signing",
    ),
  ),
);

/** Whether an entry of `PASSPORT_KEYS` is a private key of profile A, however it is written. */
function isPrivateKey(entry: unknown): boolean {
  return typeof entry === "object" && entry !== null && ("jwk" in entry || "d" in entry);
}

/** The bindings as a service in the same isolate may see them: without private keys. */
export function withoutPrivateKeys(bindings: Bindings): Bindings {
  const { PASSPORT_KEYS: given, PASSPORT_KEYS_RELOAD: again } = bindings;
  const rest = leaveOutPrivateKeys(given);
  const kept = rest === given ? bindings : { ...bindings, PASSPORT_KEYS: rest };
  if (typeof again !== "function") return kept;
  return { ...kept, PASSPORT_KEYS_RELOAD: async () => leaveOutPrivateKeys(await again()) };
}

function leaveOutPrivateKeys(given: unknown): unknown {
  const all = readEntries(given);
  if (!Array.isArray(all) || !all.some(isPrivateKey)) return given;
  return JSON.stringify(all.filter((entry) => !isPrivateKey(entry)));
}

/** What is no JSON is complained about where it is read. */
function readEntries(given: unknown): unknown {
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

/** Whether no value is there twice. */
export function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/**
 * `PASSPORT_KEYS` of a verifier: a JSON array of `{kid, secret, state}`.
 *
 * It is empty, `[]`, once no Passport of profile S is alive and its keys are deleted.
 */
export const passportRingSetting = json(ring);

/** `PASSPORT_KEYS` where there has to be a key that signs. */
export const passportKeysSetting = json(ring.check(z.minLength(1)));

/** The imported ring of a trust domain. */
export interface PassportKeys {
  /** Every key of the ring verifies: next, current and previous. */
  readonly ring: KeyRing;
  /** The one that signs; only the gateway has use for it. */
  readonly signing: SigningKey;
}

/**
 * Imports the ring once, with the key that signs.
 *
 * Keys of the ring verify and do nothing else, so that holding a ring is not yet a way to sign.
 */
export async function readPassportKeys(
  setting: z.output<typeof passportKeysSetting>,
): Promise<PassportKeys> {
  const entry = setting.find(({ state }) => state === "signing");
  if (!entry) throw new TypeError("Cannot read Passport keys: none is in state signing");
  const signing = await importSecret(entry, ["sign"]);
  return { ring: await readPassportRing(setting), signing };
}

/** Imports the keys of profile S for verifying and nothing else; nothing asks for material again. */
export async function readPassportRing(
  setting: z.output<typeof passportRingSetting>,
): Promise<KeyRing> {
  const keys = await Promise.all(setting.map((entry) => importSecret(entry, ["verify"])));
  return new Map(keys.map((key) => [key.kid, key]));
}

/** Keys of profile S by which a service verifies, which may become more while it runs. */
export interface PassportRing {
  /** Every key, imported when they are first asked for. */
  keys(): Promise<KeyRing>;
  /** Whether there is material of a key. */
  has(kid: string): boolean;
  /**
   * Reads the file of keys again, where the runtime has one, and adds what is new; a key that was
   * taken out of it verifies until a restart, or until it is revoked. It rejects when the file cannot
   * be read or holds something else, and says nothing of what it holds.
   */
  reload(): Promise<void>;
}

/** Makes the ring of the environment, and of what `source` has gained since. */
export function createPassportRing(
  setting: z.output<typeof passportRingSetting>,
  source?: KeySource,
): PassportRing {
  let entries = setting;
  let imported: Promise<KeyRing> | undefined;
  const has = (kid: string) => entries.some((entry) => entry.kid === kid);

  async function read(): Promise<void> {
    if (!source) return;
    const { success, data } = z.safeParse(passportRingSetting, await source());
    if (!success) throw new TypeError("Cannot read keys again: the file has something else");
    const added = data.filter(({ kid }) => !has(kid));
    if (added.length === 0) return;
    entries = [...entries, ...added];
    imported = undefined;
  }

  return { keys: () => imported ??= readPassportRing(entries), has, reload: shareRun(read) };
}
