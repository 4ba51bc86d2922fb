export {
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  passportType,
  policyVersion,
  warnPassportBytes,
} from "./claims.ts";
export { type PassportKeys, passportKeysSetting, readPassportKeys } from "./keys.ts";
export {
  createPassportVerifier,
  type Passport,
  type PassportRefusal,
  type PassportVerifier,
  type PassportVerifierOptions,
} from "./verify.ts";
