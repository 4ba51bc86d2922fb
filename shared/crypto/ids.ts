import { encodeBase64Url } from "./base64url.ts";

/** Unguessable text of `bytes` random bytes, base64url: token ids, refresh tokens, cursors' salt. */
export function randomToken(bytes: number): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)));
}
