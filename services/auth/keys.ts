import { json } from "@edgepass/shared/config";
import {
  algorithms,
  decodeBase64Url,
  KeyState,
  Kid,
  type SigningKey,
} from "@edgepass/shared/crypto";
import * as z from "zod/mini";

const ed25519Bytes = z.string().check(
  z.refine((text) => decodeBase64Url(text)?.length === 32, "must be 32 bytes as base64url"),
);

const PrivateJwk = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  alg: z.literal("EdDSA"),
  use: z.literal("sig"),
  kid: Kid,
  x: ed25519Bytes,
  d: ed25519Bytes,
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

export interface AccessTokenKeys {
  /** The one key that signs. */
  readonly signing: SigningKey;
  /** The public halves of all keys, as verifiers get them (RFC 7517 §5). */
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

/**
 * Imports the keys of `ACCESS_TOKEN_KEYS`; nothing later asks for key material again.
 *
 * @throws {TypeError} when the halves of a key do not belong together; it names the setting only
 */
export async function readAccessTokenKeys({ keys }: PrivateJwkSet): Promise<AccessTokenKeys> {
  const imported = await Promise.all(keys.map(importPair));
  const signing = imported[keys.findIndex(({ state }) => state === "signing")];
  if (!signing || imported.includes(undefined)) {
    throw new TypeError("Cannot start: ACCESS_TOKEN_KEYS has a key whose halves do not match");
  }
  return {
    signing,
    jwks: { keys: keys.map(({ kty, crv, x, kid, alg, use }) => ({ kty, crv, x, kid, alg, use })) },
  };
}

/** The private half, if what it signs verifies under the public half. */
async function importPair(
  { kty, crv, x, d, kid, alg }: PrivateJwkSet["keys"][number],
): Promise<SigningKey | undefined> {
  const algorithm = algorithms[alg].import;
  const probe = new TextEncoder().encode(kid);
  try {
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x, d }, algorithm, false, [
      "sign",
    ]);
    const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x }, algorithm, false, [
      "verify",
    ]);
    const signature = await crypto.subtle.sign(algorithm, key, probe);
    const fits = await crypto.subtle.verify(algorithm, publicKey, signature, probe);
    return fits ? { kid, alg, key } : undefined;
  } catch {
    return undefined;
  }
}
