export {
  type AccessTokenIssuer,
  type ClaimMap,
  type ClaimPath,
  externalTokenLifeSeconds,
  externalTypes,
  findOverlap,
  type FoundIssuer,
  indexIssuers,
  isIssuerAlias,
  type Issuers,
  type IssuerTemplate,
  isTenant,
  maxAccessTokenBytes,
  maxExternalTokenBytes,
  readTemplate,
  type RequiredValue,
  type Requirement,
  type RolesRule,
  toMediaType,
} from "./issuer.ts";
export {
  listChecks,
  type OnPassed,
  type RefusalReason,
  type TokenCheck,
  type TokenRefusal,
} from "./refusal.ts";
export {
  encodeSubject,
  ownerPrefix,
  passportSubject,
  readSubject,
  type TokenOwner,
} from "./subject.ts";
export {
  type AccessToken,
  maxBytesOf,
  type TokenVerdict,
  verifyAccessToken,
} from "./verify_access_token.ts";
export {
  clearTokenCookies,
  cookieAttributes,
  type CookieNames,
  cookieNames,
  maxAccessTokenLifeSeconds,
  signAccessToken,
} from "./access_token.ts";
