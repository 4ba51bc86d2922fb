import * as z from "zod/mini";
import { algorithms } from "./algorithms.ts";
import { decodeBase64Url } from "./base64url.ts";
import type { SigningKey } from "./jws.ts";

const ed25519Bytes = z.string().check(
  z.refine((text) => decodeBase64Url(text)?.length === 32, "must be 32 bytes as base64url"),
);

/** Both halves of an Ed25519 key as a JWK (RFC 8037 §2). */
export const Ed25519PrivateJwk = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: ed25519Bytes,
  d: ed25519Bytes,
});
/** Both halves of an Ed25519 key as a JWK. */
export type Ed25519PrivateJwk = z.infer<typeof Ed25519PrivateJwk>;

/** Imports the private half if its signatures verify with the public half; undefined otherwise. */
export async function importKeyPair(
  kid: string,
  { kty, crv, x, d }: Ed25519PrivateJwk,
): Promise<SigningKey | undefined> {
  const algorithm = algorithms.EdDSA.import;
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
    return fits ? { kid, alg: "EdDSA", key } : undefined;
  } catch {
    return undefined;
  }
}
