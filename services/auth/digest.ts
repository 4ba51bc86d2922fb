import { encodeBase64Url } from "@edgepass/shared/crypto";

/** SHA-256 of a text, base64url: what is stored where the text itself must not be. */
export async function digestText(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeBase64Url(new Uint8Array(digest));
}
