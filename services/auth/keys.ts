import { json } from "@edgepass/shared/configuration";
import {
  Ed25519PrivateJwk,
  importKeyPair,
  type KeySource,
  KeyState,
  Kid,
  shareRun,
  type SigningKey,
} from "@edgepass/shared/crypto";
import * as z from "zod/mini";

const PrivateJwk = z.extend(Ed25519PrivateJwk, {
  alg: z.literal("EdDSA"),
  use: z.literal("sig"),
  kid: Kid,
  state: KeyState,
});

const PrivateJwkSet = z.object({
  keys: z.array(PrivateJwk).check(
    z.minLength(1),
    z.refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, "has a kid twice"),
    z.refine(
      (keys) => keys.filter(({ state }) => state === "signing").length === 1,
      "must have exactly one key in state signing",
    ),
  ),
});

/** `ACCESS_TOKEN_KEYS`: a private JWK set of Ed25519 keys, each with a `state`, as JSON. */
export const accessTokenKeysSetting = json(PrivateJwkSet);

/** A private JWK set (RFC 7517 §5) whose keys carry their rotation state. */
type PrivateJwkSet = z.infer<typeof PrivateJwkSet>;

/** Key states of the central configuration, by `kid`; they override the setting. */
export type KeyStates = Readonly<Record<string, KeyState | "revoked">>;

export interface AccessTokenKeys {
  /** The one key that signs. */
  readonly signing: SigningKey;
  /** The public halves of all keys but revoked ones, as verifiers get them (RFC 7517 §5). */
  readonly jwks: { readonly keys: readonly PublicKey[] };
}

/** A public Ed25519 key (RFC 8037 §2). */
export interface PublicKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** Every key, imported, by `kid`. */
export type ImportedKeys = ReadonlyMap<string, SigningKey>;

/**
 * Imports the keys of `ACCESS_TOKEN_KEYS`; key material is read only here.
 *
 * @throws {TypeError} when the halves of a key do not belong together; the message names only the
 *   setting
 */
export async function importAccessTokenKeys({ keys }: PrivateJwkSet): Promise<ImportedKeys> {
  const imported = await Promise.all(keys.map((jwk) => importKeyPair(jwk.kid, jwk)));
  const usable = imported.filter((key) => key !== undefined);
  if (usable.length === keys.length) return new Map(usable.map((key) => [key.kid, key]));
  throw new TypeError("Cannot start: ACCESS_TOKEN_KEYS has a key whose halves do not match");
}

/**
 * Decides which key signs and which are published.
 *
 * The setting's signing key keeps signing unless the states name another signing key or give this
 * one another state.
 *
 * @throws {RangeError} for states by which no key signs
 */
export function chooseAccessTokenKeys(
  { keys }: PrivateJwkSet,
  states: KeyStates = {},
): (imported: ImportedKeys) => AccessTokenKeys {
  const stateOf = (kid: string) => Object.hasOwn(states, kid) ? states[kid] : undefined;
  const signing = keys.find(({ kid }) => stateOf(kid) === "signing") ??
    keys.find(({ kid, state }) => state === "signing" && stateOf(kid) === undefined);
  if (!signing) throw new RangeError("Cannot sign access tokens: no key is in state signing");
  const published = keys.filter(({ kid }) => stateOf(kid) !== "revoked")
    .map(({ kty, crv, x, kid, alg, use }) => ({ kty, crv, x, kid, alg, use }));
  return function choose(imported) {
    const key = imported.get(signing.kid);
    if (!key) throw new TypeError("Cannot sign access tokens: the key is not imported");
    return { signing: key, jwks: { keys: published } };
  };
}

/** Whether a key of the ring signs by these states; it may be in the key file only since. */
export async function canSignBy(ring: AccessTokenKeyRing, states: KeyStates): Promise<boolean> {
  const availableKids = new Set(ring.entries().keys.map(({ kid }) => kid));
  // An unreadable file adds none.
  if (!Object.keys(states).every((kid) => availableKids.has(kid))) {
    await ring.reload().catch(() => {});
  }
  try {
    chooseAccessTokenKeys(ring.entries(), states);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The access token keys; the set may grow while auth runs. */
export interface AccessTokenKeyRing {
  /** Every key with its key material. */
  entries(): PrivateJwkSet;
  /** The same keys, imported once. @throws {TypeError} as `importAccessTokenKeys` */
  imported(): Promise<ImportedKeys>;
  /**
   * Reads the key file again, where the runtime has one, and adds new keys. It rejects when the
   * file cannot be read or parsed; the error never contains the file's content.
   */
  reload(): Promise<void>;
}

/** Creates the key ring from the environment and from keys that `source` added later. */
export function createAccessTokenKeyRing(
  setting: PrivateJwkSet,
  source?: KeySource,
): AccessTokenKeyRing {
  let keys = setting.keys;
  let imported: Promise<ImportedKeys> | undefined;

  async function read(): Promise<void> {
    if (!source) return;
    const { success, data } = z.safeParse(accessTokenKeysSetting, await source());
    if (!success) throw new TypeError("Cannot read keys again: the file has something else");
    const knownKids = new Set(keys.map(({ kid }) => kid));
    // A key that was added later signs only when the configuration chooses it.
    const added = data.keys.filter(({ kid }) => !knownKids.has(kid))
      .map((key) => ({ ...key, state: "published" as const }));
    if (added.length === 0) return;
    const own = await importAccessTokenKeys({ keys: added });
    const all = new Map([...await importAll(), ...own]);
    keys = [...keys, ...added];
    imported = Promise.resolve(all);
  }

  const importAll = () => imported ??= importAccessTokenKeys({ keys });
  return { entries: () => ({ keys }), imported: importAll, reload: shareRun(read) };
}
