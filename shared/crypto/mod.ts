export {
  type AlgorithmName,
  algorithms,
  type AsymmetricAlgorithmName,
  isHeaderOfType,
  type Jws,
  readJws,
  type SigningKey,
  signJws,
  type VerificationKey,
  verifyJws,
} from "./jws.ts";
export {
  decodeBase64Url,
  decodeUtf8,
  decodeUtf8WithoutMark,
  digest,
  encodeBase64Url,
  parseJson,
  randomToken,
} from "./bytes.ts";
export {
  readSecret,
  requireDistinctSecrets,
  type Secret,
  secretSetting,
  timingSafeEqual,
  toSecret,
} from "./secrets.ts";
export { type JsonObject, readJsonObject } from "./json_object.ts";
export {
  Ed25519PrivateJwk,
  importJwkSet,
  importKeyPair,
  importSecret,
  JwkSet,
  type KeyRing,
  type KeySource,
  keySource,
  type KeySourceName,
  KeyState,
  Kid,
  shareRun,
} from "./keys.ts";
export {
  type MadeKind,
  makeAccessTokenKey,
  makeAccessTokenKeys,
  makePassportKey,
  makePassportKeys,
  makePrivatePassportKey,
  makePrivatePassportKeys,
  makers,
  makeSecret,
} from "./new_keys.ts";
