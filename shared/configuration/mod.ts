export {
  type Application,
  type Compose,
  type Fetcher,
  localUpstream,
  placeUpstream,
  sentOnce,
  type Upstream,
  upstreamSetting,
  urlUpstream,
} from "../composition/upstream.ts";
export { distanceBetween } from "../composition/setting_errors.ts";
export {
  type Bindings,
  commaList,
  ConfigError,
  type DeclaredSetting,
  integer,
  json,
  listSettings,
  origin,
  readConfig,
  setting,
  type SettingFacts,
  wholeNumber,
  withoutUndefined,
} from "../composition/settings.ts";
export {
  fetchVersion,
  listChanges,
  pushConfiguration,
  type StoredConfiguration,
} from "./stored.ts";
export {
  defaultPassportTtlSeconds,
  defaultTimeoutMs,
  ExternalRoute,
  gatewayDocuments,
  Limit,
  RateLimits,
  routesSetting,
  toRoutePath,
} from "./gateway_section.ts";
export {
  type ConfigurationDocument,
  type ConfigurationFault,
  type ConfigurationReading,
  createDocumentSchema,
  readDocument,
  type ServiceShape,
} from "./document.ts";
export {
  type ConfiguredKeyState,
  findStateChange,
  type KeyChange,
  type KeyKind,
  type KeysSection,
  listUnrevoked,
  type PassportPublicKey,
  type PassportSection,
  retirementSeconds,
} from "./keys_section.ts";
export {
  createLiveConfiguration,
  type CurrentConfiguration,
  type LiveConfiguration,
  type LiveConfigurationOptions,
  staticConfiguration,
} from "./live.ts";
export {
  type CommonValues,
  type GatewayEnvironment,
  type GatewayValues,
  initialGatewayValues,
  initialServiceValues,
  readGatewayValues,
  readOwn,
  readServiceValues,
  type ServiceEnvironment,
  type ServiceValues,
} from "./sections.ts";
