export {
  type AccessToken,
  type AccessTokenIssuer,
  type AccessTokenRefusal,
  type ClaimMap,
  externalTokenLifeSeconds,
  isExternalSubject,
  isIssuerAlias,
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
