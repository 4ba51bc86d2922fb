export { maxLifeSeconds, maxPassportBytes, PassportClaims, warnPassportBytes } from "./claims.ts";
export {
  areDistinct,
  createPassportRing,
  type PassportKeys,
  passportKeysSetting,
  type PassportRing,
  passportRingSetting,
  readPassportKeys,
  readPassportRing,
  SymmetricKey,
  withoutPrivateKeys,
} from "./keys.ts";
export { type Profile, profileNames, profiles } from "./profiles.ts";
export { createReload } from "./reload.ts";
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
