export {
  FirstPassportClaims,
  maxExtBytes,
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  patchOf,
  type PolicyPatch,
  type PolicyVersion,
  policyVersions,
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
  type PassportRing,
  passportRingSetting,
  readPassportKeys,
  SymmetricKey,
  withoutPrivateKeys,
} from "./keys.ts";
export { readSubject, type Subject } from "./subject.ts";
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
