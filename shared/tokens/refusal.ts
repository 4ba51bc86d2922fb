import type { AccessTokenIssuer } from "./issuer.ts";

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

/** A check of a token; `start` is of `nbf` and `iat`, `end` of `exp`. */
export type TokenCheck =
  | "structure"
  | "issuer"
  | "size"
  | "header"
  | "typ"
  | "algorithm"
  | "key"
  | "signature"
  | "audience"
  | "client"
  | `require:${string}`
  | "tenant"
  | "claims"
  | "life"
  | "start"
  | "end";

/** Receives the checks that hold, in their order; the one that fails is the next of the list. */
export type OnPassed = (check: TokenCheck) => void;

/** The checks of a token by a row of the issuers, or by none, in their order. */
export function listChecks(issuer?: AccessTokenIssuer): TokenCheck[] {
  const { alias, clients, require = {}, tenants } = issuer ?? {};
  const ofRow: TokenCheck[] = [
    "audience",
    ...(clients ? ["client" as const] : []),
    ...Object.keys(require).map((name) => `require:${name}` as const),
    ...(tenants ? ["tenant" as const] : []),
  ];
  return [
    "structure",
    "issuer",
    "size",
    "header",
    "typ",
    "algorithm",
    "key",
    "signature",
    ...(issuer && alias === undefined
      ? ["claims" as const, ...ofRow]
      : [...ofRow, "claims" as const]),
    "life",
    "start",
    "end",
  ];
}
