export {
  type AccessToken,
  type AccessTokenIssuer,
  type AccessTokenRefusal,
  maxAccessTokenBytes,
  verifyAccessToken,
} from "./verify_access_token.ts";
export {
  AccessTokenClaims,
  accessTokenType,
  maxAccessTokenLifeSeconds,
  signAccessToken,
} from "./access_token.ts";
export {
  type ClaimMap,
  externalTokenLifeSeconds,
  isExternalSubject,
  isIssuerAlias,
} from "./external_claims.ts";
export { clearTokenCookies, cookieAttributes, type CookieNames, cookieNames } from "./cookies.ts";
