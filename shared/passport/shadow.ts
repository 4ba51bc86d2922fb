import { PassportClaims, profiles } from "./claims.ts";
import {
  checkPassport,
  type Passport,
  type PassportRefusal,
  type PassportVerifierOptions,
} from "./verify.ts";

/** A service's verdict on the Passport of profile A that came beside the one that authorised. */
export type ShadowVerdict = "match" | "mismatch" | "absent";

/**
 * Compares a verified Passport of profile S with the received `Txn-Token`; undefined where there is
 * nothing to compare. The verdict authorises nothing.
 */
export type ShadowVerifier = (
  passport: Passport,
  txnToken: string | null,
) => Promise<ShadowVerdict | undefined>;

/** Options of the comparison, beside those of a verifier. */
export interface ShadowVerifierOptions extends Omit<PassportVerifierOptions, "onRefusal"> {
  /** Whether the gateway sends both profiles on every route, so that a missing one was lost. */
  readonly isExpected?: () => boolean;
  /** Called with the reason when the two do not match. */
  readonly onMismatch?: (reason: PassportRefusal | "differs") => void;
}

/**
 * Makes the verifier of the shadow step: profile A is verified as if it authorised, whether it is
 * accepted or not, and must have the same claims as profile S.
 */
export function createShadowVerifier(
  { isExpected = () => false, onMismatch = () => {}, ...options }: ShadowVerifierOptions,
): ShadowVerifier {
  return async function compare(passport, txnToken) {
    if (!passport.pv.startsWith(`${profiles.S.line}.`)) return undefined;
    if (txnToken === null) return isExpected() ? "absent" : undefined;
    const other = await checkPassport(
      txnToken,
      options,
      (profile) => profile === "A" ? undefined : "header",
    );
    if (typeof other === "object" && claimsMatch(passport, other)) return "match";
    onMismatch(typeof other === "object" ? "differs" : other);
    return "mismatch";
  };
}

/** Claims that differ between the profiles by policy. */
const ownClaims: readonly string[] = ["pv", "req_wl"];
const commonClaims = Object.keys(PassportClaims.shape).filter((name) => !ownClaims.includes(name));

/** Both were parsed by one schema, so nested members have the same order. */
function claimsMatch(one: PassportClaims, other: PassportClaims): boolean {
  return serialize(one) === serialize(other);
}

function serialize(claims: PassportClaims): string {
  return JSON.stringify(commonClaims.map((name) => Reflect.get(claims, name) ?? null));
}
