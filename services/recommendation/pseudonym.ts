import { encodeBase64Url } from "@edgepass/shared/crypto";

/** Names a person to a third party. */
export type Pseudonym = (sub: string) => Promise<string>;

const utf8 = new TextEncoder();

/**
 * Creates pseudonyms for one recipient in one trust domain: HMAC-SHA-256 of the subject, by a key
 * that HKDF (RFC 5869) derives from `secret` for this purpose and this trust domain alone.
 *
 * A person has the same pseudonym as long as the secret stays. Without the secret a recipient
 * cannot identify the person, not even by trying every subject, and cannot link the person's
 * pseudonyms of two trust domains.
 */
export function createPseudonym(
  { secret, trustDomain }: {
    readonly secret: Uint8Array<ArrayBuffer>;
    readonly trustDomain: string;
  },
): Pseudonym {
  // Imported at the first request: on Workers nothing may be computed before.
  let key: Promise<CryptoKey> | undefined;
  return async function pseudonym(sub) {
    key ??= deriveKey(secret, trustDomain);
    return encodeBase64Url(
      new Uint8Array(await crypto.subtle.sign("HMAC", await key, utf8.encode(sub))),
    );
  };
}

async function deriveKey(
  secret: Uint8Array<ArrayBuffer>,
  trustDomain: string,
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = utf8.encode(`edgepass recommender pseudonym 1\0${trustDomain}`);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
}
