/**
 * Compares two secrets in constant time: the duration does not reveal where they differ.
 *
 * Both are hashed under a key made for this one comparison, so not even their lengths are revealed.
 */
export async function timingSafeEqual(a: string, b: string): Promise<boolean> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  const tag = await crypto.subtle.sign("HMAC", key, toBytes(a));
  return await crypto.subtle.verify("HMAC", key, tag, toBytes(b));
}

/**
 * UTF-8 alone would encode every lone surrogate as the same character; JSON escapes keep them
 * distinct.
 */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(text));
}
