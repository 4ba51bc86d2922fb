import { json } from "@edgepass/shared/config";
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

/** A private JWK set (RFC 7517 §5) whose keys say where they stand in their rotation. */
type PrivateJwkSet = z.infer<typeof PrivateJwkSet>;

/** What the central configuration says of keys, by `kid`; it wins over the setting. */
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
 * Imports the keys of `ACCESS_TOKEN_KEYS`; nothing later asks for key material again.
 *
 * @throws {TypeError} when the halves of a key do not belong together; it names the setting only
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
 * The setting's own signing key stays where the states name no other one and do not say what else it
 * is. @throws {RangeError} for states by which no key signs
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

/** The keys of access tokens, which may become more while auth runs. */
export interface AccessTokenKeyRing {
  /** Every key there is material of. */
  entries(): PrivateJwkSet;
  /** The same, imported once. @throws {TypeError} as `importAccessTokenKeys` */
  imported(): Promise<ImportedKeys>;
  /**
   * Reads the file of keys again, where the runtime has one, and adds what is new. It rejects when the
   * file cannot be read or holds something else, and says nothing of what it holds.
   */
  reload(): Promise<void>;
}

/** Makes the keys of the environment, and of what `source` has gained since. */
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
    const known = new Set(keys.map(({ kid }) => kid));
    // What came later signs by the configuration's choice alone.
    const added = data.keys.filter(({ kid }) => !known.has(kid))
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
