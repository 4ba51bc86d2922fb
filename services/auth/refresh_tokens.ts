import { decodeBase64Url, digest, encodeBase64Url, randomToken } from "@edgepass/shared/crypto";

/** A parent token is accepted again for this long, in case its response was lost. */
export const graceMs = 10_000;

const tokenBytes = 32;
const successorLabel = "edgepass refresh successor v1\0";

/** A refresh token as stored; only its holder has the token itself. */
export interface RefreshTokenState {
  readonly state: "active" | "used";
  readonly usedAt: number | null;
  readonly expiresAt: number;
}

/** A new refresh token that begins a family: 256 random bits. */
export function newRefreshToken(): string {
  return randomToken(tokenBytes);
}

/** Whether a text has the form of a refresh token: 32 bytes, canonical base64url. */
export function isRefreshToken(text: string): boolean {
  return text.length === 43 && decodeBase64Url(text)?.length === tokenBytes;
}

/** The stored form of a token: SHA-256, which is enough for 256 random bits. */
export async function hashRefreshToken(token: string): Promise<string> {
  return await digest(token);
}

/** Imports the key of the grace period. */
export async function importRefreshTokenKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
}

/**
 * The one token that follows a token.
 *
 * Derived, so that a holder that lost the response gets the same successor again although it is not
 * stored; without the key a token does not reveal its successor.
 */
export async function deriveSuccessor(parent: string, key: CryptoKey): Promise<string> {
  const input = new TextEncoder().encode(successorLabel + parent);
  return encodeBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, input)));
}

/**
 * The action for a presented token, given its row and its successor's.
 *
 * `rotate` for an active one; `repeat` returns the successor's tokens inside the grace, while the
 * successor is unused; any other used token is `reuse`.
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
