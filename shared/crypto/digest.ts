import { encodeBase64Url } from "./base64url.ts";

/**
 * SHA-256 of bytes, or of a text in UTF-8, as base64url: stored or compared instead of content that
 * is secret or too long.
 */
export async function digest(content: string | ArrayBuffer): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
