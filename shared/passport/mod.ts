export {
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  type Profile,
  profileNames,
  profiles,
  warnPassportBytes,
} from "./claims.ts";
export {
  areDistinct,
  createPassportRing,
  createReload,
  type PassportKeys,
  passportKeysSetting,
  type PassportRing,
  passportRingSetting,
  readPassportKeys,
  readPassportRing,
  SymmetricKey,
  withoutPrivateKeys,
} from "./keys.ts";
export {
  createShadowVerifier,
  type ShadowVerdict,
  type ShadowVerifier,
  type ShadowVerifierOptions,
} from "./shadow.ts";
export {
  createPassportVerifier,
  type LivePassports,
  type Passport,
  type PassportRefusal,
  type PassportVerifier,
  type PassportVerifierOptions,
} from "./verify.ts";
