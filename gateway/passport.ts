import { randomToken, type Secret, signJws, toSecret } from "@edgepass/shared/crypto";
import { count, internalHeaders } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import {
  maxPassportBytes,
  type PassportClaims,
  type PolicyPatch,
  type Profile,
  profiles,
  warnPassportBytes,
} from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import type { AccessToken, RefusalReason } from "@edgepass/shared/tokens";
import type { Attributes } from "@opentelemetry/api";
import {
  type Bearer,
  chooseForm,
  type CommonClaims,
  hasSubject,
  listLargest,
  measurePassport,
  type PassportOptions,
  toClaims,
  toPassportClaims,
} from "./passport_claims.ts";
import { nameIssuer } from "./revocation.ts";
import type { Outcome } from "./steps.ts";

/** A Passport with its claims: logs and spans may have the claims, but never the signature. */
export interface SignedPassport {
  /** The compact JWS that is sent as `X-Passport`. */
  readonly token: Secret;
  /** The compact JWS of profile A that is sent as `Txn-Token`, where there is one. */
  readonly txnToken?: Secret;
  /** The claims of the Passport that authorises. */
  readonly claims: PassportClaims;
  readonly kid: string;
}

/**
 * Signs a Passport for one request; `traceId` becomes `txn`, `route` is the path of the route's row.
 *
 * @throws {Problem} `token_invalid` for a token that `RequireSignable` refuses
 */
export type SignPassport = (
  bearer: Bearer,
  traceId: string,
  route?: string,
) => Promise<SignedPassport>;

/** Makes the only signer of Passports; a Passport is never cached or renewed. */
export function createSignPassport(
  options: PassportOptions,
  { now, log }: { now: () => number; log: Logger },
): SignPassport {
  const sign = createSigner(options.signingKeys, log);
  return async function signPassport(bearer, traceId, route) {
    const { send, patch } = chooseForm(options, route);
    const ids = { jti: randomToken(16), txn: traceId };
    const claims = toClaims(options, { bearer, patch, ids, now: now() });
    if (send === "A") {
      const signed = await sign("A", patch, claims);
      return { ...signed, txnToken: signed.token };
    }
    const authorising = await sign("S", patch, claims);
    if (send === "S") return authorising;
    // The compared Passport must not fail the request: profile A is longer, and may exceed the
    // limit.
    const txnToken = await sign("A", patch, claims).then(({ token }) => token, () => undefined);
    return txnToken === undefined ? authorising : { ...authorising, txnToken };
  };
}

/**
 * Refuses a token that no Passport of a route can carry, before it is forwarded.
 *
 * @throws {Problem} `token_invalid` with the reason `too_large` for a Passport over 4096 bytes, or
 * `claim_invalid:sub` for a client where the services of the route take policy 0.1.0
 */
export type RequireSignable = (token: AccessToken, route: string) => void;

/** Makes the check of tokens; an operator must see what is too large, so that is an error line, once for each token. */
export function createRequireSignable(
  options: PassportOptions,
  { now, log }: { now: () => number; log: Logger },
): RequireSignable {
  // Verified tokens are cached, and every request of one has the same claims.
  const signable = new WeakMap<AccessToken, Set<string>>();
  const reported = new WeakSet<AccessToken>();
  return function requireSignable(token, route) {
    const { send, patch } = chooseForm(options, route);
    const profile = send === "A" ? "A" : "S";
    const form = profiles[profile].versions[patch];
    const forms = signable.get(token) ?? new Set();
    if (forms.has(form)) return;
    if (!hasSubject(token, patch)) throw refusal("claim_invalid:sub", token);
    const common = toClaims(options, { bearer: token, patch, ids: anyIds, now: now() });
    const kid = options.signingKeys[profile]?.kid ?? "";
    const claims = toPassportClaims(profile, patch, common);
    const bytes = measurePassport(profile, { claims, kid });
    if (bytes <= maxPassportBytes) {
      signable.set(token, forms.add(form));
      return;
    }
    if (!reported.has(token)) {
      const largestClaims = listLargest(claims);
      log.error("Passport is too large", { bytes, largestClaims, issuer: nameIssuer(token) });
      reported.add(token);
    }
    throw refusal("too_large", token);
  };
}

/** Ids as long as every Passport's: the check needs its length alone. */
const anyIds = { jti: "0".repeat(22), txn: "0".repeat(32) };

function createSigner(signingKeys: PassportOptions["signingKeys"], log: Logger) {
  return async function sign(
    profile: Profile,
    patch: PolicyPatch,
    common: CommonClaims,
  ): Promise<SignedPassport> {
    const key = signingKeys[profile];
    if (!key) throw new TypeError(`Cannot sign a Passport: no key of profile ${profile} signs`);
    const claims = toPassportClaims(profile, patch, common);
    const token = await signJws(claims, { typ: profiles[profile].typ, key });
    const bytes = token.length;
    if (bytes > warnPassportBytes) {
      log.warn("Passport is large", { bytes, largestClaims: listLargest(claims) });
    }
    if (bytes > maxPassportBytes) throw refusal("too_large");
    count("edgepass.passports.minted", {
      "edgepass.passport.policy": claims.pv,
      "edgepass.passport.subject": claims.sub.split(":", 1)[0],
    });
    return { token: toSecret(token), claims, kid: key.kid };
  };
}

/** A valid token that no Passport can carry: to the caller it is like any other invalid one. */
function refusal(reason: RefusalReason, token?: AccessToken): Problem {
  return new Problem("token_invalid", { reason, issuer: token && nameIssuer(token) });
}

/** The headers that carry a Passport; one of profile A is in both, byte for byte. */
export function passportHeaders(
  { token, txnToken }: Pick<SignedPassport, "token" | "txnToken">,
): [name: string, value: string][] {
  return [
    [internalHeaders.passport, token],
    ...(txnToken === undefined ? [] : [[internalHeaders.txnToken, txnToken] as [string, string]]),
  ];
}

/**
 * Counts a service's verdict on the Passport of profile A that it got beside the one that
 * authorised; a response without a verdict means that the service did not compare.
 */
export function countShadowVerdict(
  { token, txnToken }: SignedPassport,
  { service, headers }: { readonly service: string; readonly headers: Headers },
): void {
  if (txnToken === token) return;
  const verdict = headers.get(internalHeaders.passportVerdict);
  if (txnToken === undefined && verdict === null) return;
  count("edgepass.passports.compared", {
    "edgepass.service": service,
    "edgepass.passport.verdict": verdict === "match" || verdict === "mismatch" ? verdict : "absent",
  });
}

/**
 * Span attributes of a Passport: everything but the signature. Of `ext` the names alone: its values
 * may be personal data, and traces are stored and shared.
 */
export function describePassport(outcome: Outcome<SignedPassport>): Attributes {
  if ("refusal" in outcome) return {};
  const { claims: { ext, ...claims }, kid } = outcome.result;
  const shown = { ...claims, ...(ext ? { ext: Object.keys(ext) } : {}), kid };
  return Object.fromEntries(
    Object.entries(shown).map(([name, value]) => [
      `edgepass.passport.${name}`,
      Array.isArray(value) ? [...value] : value,
    ]),
  );
}
