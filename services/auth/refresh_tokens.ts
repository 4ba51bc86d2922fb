import { decodeBase64Url, digest, encodeBase64Url } from "@edgepass/shared/crypto";
import { randomToken } from "@edgepass/shared/ids";

/** The parent of a token may come again for this long, if its answer was lost. */
export const graceMs = 10_000;

const tokenBytes = 32;
const successorLabel = "edgepass refresh successor v1\0";

/** A refresh token as stored; the token itself is nowhere but with its holder. */
export interface RefreshTokenState {
  readonly state: "active" | "used";
  readonly usedAt: number | null;
  readonly expiresAt: number;
}

/** A new refresh token that begins a family: 256 random bits. */
export function newRefreshToken(): string {
  return randomToken(tokenBytes);
}

/** Tells whether a text has the form of a refresh token: 32 bytes, canonical base64url. */
export function isRefreshToken(text: string): boolean {
  return text.length === 43 && decodeBase64Url(text)?.length === tokenBytes;
}

/** What is stored of a token: SHA-256, which is enough for 256 random bits. */
export async function hashRefreshToken(token: string): Promise<string> {
  return await digest(token);
}

/** Imports the key behind the grace. */
export async function importRefreshTokenKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
}

/**
 * The one token that follows a token.
 *
 * Derived, so that a holder who lost the answer gets the same successor again although it is stored
 * nowhere; without the key nobody gets from a token to its successor.
 */
export async function deriveSuccessor(parent: string, key: CryptoKey): Promise<string> {
  const input = new TextEncoder().encode(successorLabel + parent);
  return encodeBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, input)));
}

/**
 * What to do with a token that was presented, given its row and its successor's.
 *
 * `rotate` an active one; `repeat` the successor's tokens inside the grace, while the successor is
 * unused; anything else that was used before is `reuse`.
 */
export function evaluate(
  token: RefreshTokenState,
  successor: RefreshTokenState | undefined,
  now: number,
): "rotate" | "repeat" | "reuse" | "expired" {
  if (token.state === "active") return now < token.expiresAt ? "rotate" : "expired";
  const isWithinGrace = token.usedAt !== null && now < token.usedAt + graceMs;
  const isSuccessorFresh = successor?.state === "active" && now < successor.expiresAt;
  return isWithinGrace && isSuccessorFresh ? "repeat" : "reuse";
}
