/**
 * Compares two secrets without telling by its time where they differ.
 *
 * Both are hashed under a key made for this one comparison, so even their lengths stay unknown.
 */
export async function timingSafeEqual(a: string, b: string): Promise<boolean> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  const tag = await crypto.subtle.sign("HMAC", key, toBytes(a));
  return await crypto.subtle.verify("HMAC", key, tag, toBytes(b));
}

/** UTF-8 alone would fold every lone surrogate into one character; JSON keeps them apart. */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(text));
}
