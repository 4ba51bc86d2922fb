/**
 * Why a token is refused: a closed list, for operators alone. Names in it come from the code or from
 * an issuer's row, never from a token, so that a metric has few values.
 */
export type RefusalReason =
  | "malformed"
  | "unknown_issuer"
  | "kid_unknown"
  | "alg_not_allowed"
  | "signature"
  | "audience"
  | "typ"
  | "expired"
  | "not_yet_valid"
  | "life_too_long"
  | "too_large"
  | `header_${string}`
  | `claim_missing:${string}`
  | `claim_invalid:${string}`;

/** A refused token. The caller sees the code alone. */
export interface TokenRefusal {
  /** What the caller may see. */
  readonly code: "token_invalid" | "token_expired";
  /** The first check that failed. */
  readonly reason: RefusalReason;
  /** The issuer's alias once its row is found, `user` for our own. */
  readonly alias?: string;
}
