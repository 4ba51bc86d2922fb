import * as z from "zod/mini";
import { type Bindings, json } from "../composition/settings.ts";
import { parseJson } from "../crypto/encoding.ts";
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
import { background } from "../isolate.ts";

/** One key of profile S in a setting. */
export const SymmetricKey = z.strictObject({ kid: Kid, secret: secretSetting, state: KeyState });

/**
 * Verifiers of profile A need public keys only: with a private key a service could forge Passports.
 */
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
    // One secret under two kids would be a rotation that changes nothing.
    z.refine((keys) => areDistinct(keys.map(({ secret }) => secret.toHex())), "has a secret twice"),
    z.refine(
      (keys) => keys.length === 0 || keys.filter(({ state }) => state === "signing").length === 1,
      "must have exactly one key in state signing",
    ),
  ),
);

/** Whether an entry of `PASSPORT_KEYS` is a private key of profile A, in any notation. */
function isPrivateKey(entry: unknown): boolean {
  return typeof entry === "object" && entry !== null && ("jwk" in entry || "d" in entry);
}

/** The bindings for a service in the same isolate: without private keys. */
export function withoutPrivateKeys(bindings: Bindings): Bindings {
  const { PASSPORT_KEYS: setting, PASSPORT_KEYS_RELOAD: source } = bindings;
  const rest = leaveOutPrivateKeys(setting);
  const cleaned = rest === setting ? bindings : { ...bindings, PASSPORT_KEYS: rest };
  if (typeof source !== "function") return cleaned;
  return { ...cleaned, PASSPORT_KEYS_RELOAD: async () => leaveOutPrivateKeys(await source()) };
}

function leaveOutPrivateKeys(setting: unknown): unknown {
  const all = readEntries(setting);
  if (!Array.isArray(all) || !all.some(isPrivateKey)) return setting;
  return JSON.stringify(all.filter((entry) => !isPrivateKey(entry)));
}

/** Invalid JSON is reported where the setting is read, so it is no error here. */
function readEntries(setting: unknown): unknown {
  return typeof setting === "string" ? parseJson(setting) : setting;
}

/** Whether no value occurs twice. */
export function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/**
 * `PASSPORT_KEYS` of a verifier: a JSON array of `{kid, secret, state}`.
 *
 * It is empty, `[]`, once every Passport of profile S has expired and its keys are deleted.
 */
export const passportRingSetting = json(ring);

/** `PASSPORT_KEYS` where a signing key is required. */
export const passportKeysSetting = json(ring.check(z.minLength(1)));

/** The imported ring of a trust domain. */
export interface PassportKeys {
  /** Every key of the ring verifies: next, current and previous. */
  readonly ring: KeyRing;
  /** The signing key; only the gateway needs it. */
  readonly signing: SigningKey;
}

/**
 * Imports the ring once, with the signing key.
 *
 * Keys of the ring can verify only, so that code with a ring cannot sign.
 */
export async function readPassportKeys(
  setting: z.output<typeof passportKeysSetting>,
): Promise<PassportKeys> {
  const entry = setting.find(({ state }) => state === "signing");
  if (!entry) throw new TypeError("Cannot read Passport keys: none is in state signing");
  const signing = await importSecret(entry, ["sign"]);
  return { ring: await readPassportRing(setting), signing };
}

/** Imports the keys of profile S for verification only; the material is not read again. */
export async function readPassportRing(
  setting: z.output<typeof passportRingSetting>,
): Promise<KeyRing> {
  const keys = await Promise.all(setting.map((entry) => importSecret(entry, ["verify"])));
  return new Map(keys.map((key) => [key.kid, key]));
}

/** The verification keys of profile S in a service; keys may be added while it runs. */
export interface PassportRing {
  /** Every key, imported at the first call. */
  keys(): Promise<KeyRing>;
  /** Whether the ring has a key. */
  has(kid: string): boolean;
  /**
   * Reads the key file again, where the runtime has one, and adds the new keys. A key that was
   * removed from the file verifies until a restart, or until it is revoked. It rejects when the
   * file cannot be read or is invalid; the error contains nothing of the file.
   */
  reload(): Promise<void>;
}

/** Makes the ring of the environment's keys, and of those that were added to `source` since. */
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

/** In milliseconds. */
const limits = {
  /** From one reload to the next. */
  everyMs: 30_000,
  /** From a failed reload to the next. */
  retryMs: 1_000,
  /** Longest wait for a reload. */
  waitMs: 2_000,
} as const;

/**
 * Makes a reload that runs once in 30 s at most, or once a second while `load` resolves to false: a
 * failed reload must not refuse valid Passports for half a minute. A caller during a reload waits
 * for it, and shares nothing but its end.
 */
export function createReload(
  load: () => Promise<boolean>,
  { now }: { readonly now: () => number },
): () => Promise<void> {
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let isLoaded = false;
  /** A clock that was set back must not suppress reloads until it catches up. */
  const isWithin = (ms: number): boolean => Math.abs(now() - triedAt) < ms;

  return async function reload() {
    if (loading) return await waitFor(loading);
    if (isWithin(isLoaded ? limits.everyMs : limits.retryMs)) return;
    triedAt = now();
    isLoaded = false;
    const own = load().then((loaded) => void (isLoaded = loaded)).finally(() => {
      if (loading === own) loading = undefined;
    });
    loading = own;
    background(own, () => {});
    await waitFor(own);
  };

  /** Workers may cancel the request that loads, and its promise then never settles. */
  async function waitFor(work: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      if (loading === work) loading = undefined;
      resolve();
    }, limits.waitMs);
    try {
      await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
