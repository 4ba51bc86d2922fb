import type { RequestDetail } from "../api_types.ts";

/** Why the gateway refused a token, in words. */
export interface TokenRefusal {
  /** The reason as span, log line and metric have it. */
  readonly reason: string;
  /** What is wrong, a sentence. */
  readonly meaning: string;
  /** What to do about it, a sentence or two. */
  readonly remedy: string;
}

type Words = readonly [meaning: string, remedy: string];

/**
 * Every reason in the order of the checks; `<name>` stands for a header member or a claim. A test
 * compares it with the reasons of the code, and docs/token-refusals.md with this.
 */
export const refusalWords: Readonly<Record<string, Words>> = {
  too_large: [
    "The token has more bytes than its issuer's row allows, or more roles, scope or `claims.extra` than the 4096 bytes of a Passport can carry",
    "`deno task token` shows which. A token: have the provider leave out groups, or raise `maxTokenBytes` (12288 at most). A Passport: keep fewer roles with `claims.roles`, or name fewer claims in `claims.extra`",
  ],
  malformed: [
    "The credential is not a signed JWT: three parts in base64url, the first two JSON objects with no member twice",
    "Send the access token whole, without quotes; if the provider's access tokens are opaque, have it issue JWTs for this API",
  ],
  unknown_issuer: [
    "No row of `ISSUERS` has the token's `iss`, which is compared exactly, with a slash at its end too",
    "Send the token to the gateway of its environment. Only if this issuer is to vouch for your callers: copy `iss` of the token into a row of `ISSUERS`",
  ],
  "header_<name>": [
    "The token's header has a member by which a token could choose its key or how it is read, or a `kid` that is no text of 1 to 256 characters",
    "Have the provider leave the member out; keys come from the configuration alone",
  ],
  typ: [
    "The header's `typ` is not one that the issuer's row accepts",
    "This may be an ID token or a refresh token: send the access token. Add the `typ` to the row only if this issuer's access tokens have it",
  ],
  alg_not_allowed: [
    "The header's `alg` is not in `algorithms` of the issuer's row, or not the algorithm of the key that it names",
    "Add the algorithm to the row only if the provider is to sign with it; HS256 and its siblings are never accepted",
  ],
  kid_unknown: [
    "The issuer's key set has no key of the token's `kid`, or, for a token without one, not exactly one key of its algorithm",
    "Compare `kid` with the published key set; `deno task doctor` names keys that cannot be used. A changed set is read again at most once in 30 seconds",
  ],
  signature: [
    "The issuer's key did not make this signature: the token was changed, or another key of this name signed it",
    "Get a new token; compare the row's key set with that of the environment that issued the token",
  ],
  audience: [
    "The token is for another API: `aud` has none of the row's `audience`, or the row has `clients` alone and the token has an `aud`",
    "This may be an ID token, or a token for another API: request an access token for this API. Add its `aud` to `audience` of the row only if the token is meant for this API",
  ],
  "claim_missing:<name>": [
    "The token has no such claim, or null, and the gateway or the issuer's row requires it",
    "This may be an ID token, or a token for another API: request an access token for this API. If it is one, have the provider add the claim, or name the claim that has the value in `claims`; `require` and `clients` keep other tokens out",
  ],
  "claim_invalid:<name>": [
    "The claim has another value or form than the gateway or the issuer's row requires, or the Passport policy cannot express it",
    "This may be an ID token, or a token for another API: `deno task token` shows the claim beside the row. Add a tenant, client or value to the row only if its tokens are meant for this API. For `sub` of a client see `PASSPORT_POLICY`: from 0.1.1 on Passports can carry clients",
  ],
  life_too_long: [
    "The token lives longer than `maxLifeSeconds` of its issuer's row (one of our own: 900 seconds)",
    "Shorten the life of access tokens at the provider; with a higher `maxLifeSeconds` a stolen token works longer",
  ],
  not_yet_valid: [
    "The token's `nbf` or `iat` is in the future, beyond `LEEWAY_SECONDS`",
    "Compare the clocks of provider and gateway",
  ],
  expired: [
    "The token was valid until its `exp`",
    "Get a new token; if it is new, compare the clocks of provider and gateway",
  ],
  "revoked:token": ["This token was revoked by its `jti`", "Get a new token"],
  "revoked:login": [
    "The login that the token belongs to has ended: its `sid` is revoked",
    "Log in",
  ],
  "revoked:subject": [
    "Tokens of this subject from before a certain time or account version are revoked: password, roles or state of the account have changed",
    "Refresh, or log in again",
  ],
  "revoked:key": [
    "Every token of the key that signed this one is revoked",
    "Log in again, for a token of another key",
  ],
};

/** What is known of a token beyond the reason: which of two faults it has. */
export type RefusalFault = "token" | "passport";

/** The words of a reason that covers two faults, where it is known which. */
const faultWords: Readonly<Record<string, Readonly<Partial<Record<RefusalFault, Words>>>>> = {
  too_large: {
    token: [
      "The token itself has more bytes than its issuer's row allows",
      "Have the provider put less into it, for example no groups, or raise `maxTokenBytes` of the row (12288 at most)",
    ],
    passport: [
      "The token may pass, but has more roles, scope or `claims.extra` than the 4096 bytes of a Passport can carry",
      "Keep fewer roles with `claims.roles` of the row, or name fewer claims in `claims.extra`; a higher `maxTokenBytes` does not help",
    ],
  },
  "claim_invalid:sub": {
    passport: [
      "The token's subject is a client, and Passports of policy 0.1.0 cannot express one",
      "Set `PASSPORT_POLICY=0.1.1`, once every service accepts Passports of it",
    ],
  },
};

/** A reason as `refusalWords` has it, without its name. */
export function toRefusalKind(reason: string): string {
  return reason.replace(/^(header_|claim_missing:|claim_invalid:).*$/s, "$1<name>");
}

/** A reason in words; one with a name has the words of its kind. */
export function describeTokenRefusal(reason: string, fault?: RefusalFault): TokenRefusal {
  const kind = toRefusalKind(reason);
  const [meaning, remedy] =
    (fault && Object.hasOwn(faultWords, reason) && faultWords[reason]?.[fault]) ||
    (Object.hasOwn(refusalWords, kind) && refusalWords[kind]) ||
    ["The gateway refused the token", "See docs/token-refusals.md of the gateway's version"];
  return { reason, meaning: plain(meaning), remedy: plain(remedy) };
}

/** The words are Markdown, for the documentation. */
function plain(words: string): string {
  return words.replaceAll("`", "");
}

/**
 * Why the token of a request was refused: by the gateway's span, or by its log line where the trace
 * was not sampled.
 */
export function readTokenRefusal(
  { spans, logs }: Pick<RequestDetail, "spans" | "logs">,
): TokenRefusal | undefined {
  const span = spans.findLast(({ service, kind }) => service === "gateway" && kind === "server");
  const line = logs.findLast(({ service, fields }) => service === "gateway" && fields.tokenRefusal);
  const reason = span ? span.attributes["edgepass.token.refusal"] : line?.fields.tokenRefusal;
  if (typeof reason !== "string" || reason === "") return undefined;
  const tooLarge = reason === "too_large" ? logs.find(isTooLarge)?.fields : undefined;
  const refusal = describeTokenRefusal(reason, tooLarge && "passport");
  if (!tooLarge) return refusal;
  const { bytes, largestClaims } = tooLarge;
  const largest = Array.isArray(largestClaims)
    ? `, its largest claims ${largestClaims.join(", ")}`
    : "";
  return { ...refusal, meaning: `${refusal.meaning}: it would have ${bytes} bytes${largest}` };
}

function isTooLarge({ service, message }: RequestDetail["logs"][number]): boolean {
  return service === "gateway" && message === "Passport is too large";
}
