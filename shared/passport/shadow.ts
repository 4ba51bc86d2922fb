import { PassportClaims } from "./claims.ts";
import { profiles } from "./profiles.ts";
import {
  checkPassport,
  type Passport,
  type PassportRefusal,
  type PassportVerifierOptions,
} from "./verify.ts";

/** What a service found of the Passport of profile A that came beside the one that decided. */
export type ShadowVerdict = "match" | "mismatch" | "absent";

/**
 * Compares a verified Passport of profile S with what came as `Txn-Token`; undefined where there is
 * nothing to compare. It decides nothing.
 */
export type ShadowVerifier = (
  passport: Passport,
  txnToken: string | null,
) => Promise<ShadowVerdict | undefined>;

/** What the comparison needs beside what a verifier trusts. */
export interface ShadowVerifierOptions extends Omit<PassportVerifierOptions, "onRefusal"> {
  /** Whether the gateway sends both profiles on every route, so that one that is missing was lost. */
  readonly isExpected?: () => boolean;
  /** ObservesVersion why the two do not match. */
  readonly onMismatch?: (reason: PassportRefusal | "differs") => void;
}

/**
 * Makes the verifier of the shadow step: profile A is verified as if it decided, accepted or not,
 * and has to say the same as profile S.
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

/** The profiles differ in these by their rules. */
const ownClaims: readonly string[] = ["pv", "req_wl"];
const commonClaims = Object.keys(PassportClaims.shape).filter((name) => !ownClaims.includes(name));

/** Both were read by one schema, so that members of members come in one order. */
function claimsMatch(one: PassportClaims, other: PassportClaims): boolean {
  return spell(one) === spell(other);
}

function spell(claims: PassportClaims): string {
  return JSON.stringify(commonClaims.map((name) => Reflect.get(claims, name) ?? null));
}
