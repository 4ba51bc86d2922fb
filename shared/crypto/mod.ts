export { type AlgorithmName, algorithms, type AsymmetricAlgorithmName } from "./algorithms.ts";
export { decodeBase64Url, encodeBase64Url } from "./base64url.ts";
export { timingSafeEqual } from "./compare.ts";
export { digest } from "./digest.ts";
export { type JsonObject, readJsonObject } from "./json_object.ts";
export {
  isHeaderOfType,
  type Jws,
  readJws,
  type SigningKey,
  signJws,
  type VerificationKey,
  verifyJws,
} from "./jws.ts";
export {
  importJwkSet,
  importSecret,
  JwkSet,
  type KeyRing,
  KeyState,
  Kid,
  ourAlgorithms,
  PublicJwk,
} from "./keys.ts";
export { type KeySource, keySource, type KeySourceName, shareRun } from "./key_source.ts";
export { Ed25519PrivateJwk, importKeyPair } from "./key_pair.ts";
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
export { minSecretBytes, readSecret, requireDistinctSecrets, secretSetting } from "./secrets.ts";
export { randomToken } from "./ids.ts";
export { type Secret, toSecret } from "./secret.ts";
export { decodeUtf8, decodeUtf8WithoutMark, parseJson } from "./text.ts";
