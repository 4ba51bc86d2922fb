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
export {
  type Bindings,
  commaList,
  ConfigError,
  integer,
  json,
  origin,
  readConfig,
  withoutUndefined,
} from "../composition/settings.ts";
export {
  type DeclaredSetting,
  listSettings,
  setting,
  type SettingFacts,
} from "../composition/setting.ts";
export { listChanges } from "./changes.ts";
export type { Dependencies } from "./dependencies.ts";
export {
  type ConfigurationDocument,
  type ConfigurationFault,
  type ConfigurationReading,
  createDocumentSchema,
  readDocument,
  type ServiceShape,
} from "./document.ts";
export { defaultPassportTtlSeconds, GatewaySection, Limit, RateLimits } from "./gateway_section.ts";
export {
  findStateChange,
  type KeyChange,
  type KeyKind,
  listUnrevoked,
  retirementSeconds,
} from "./key_states.ts";
export {
  type ConfiguredKeyState,
  type KeysSection,
  type PassportPublicKey,
  type PassportSection,
} from "./keys_section.ts";
export {
  createLiveConfiguration,
  type CurrentConfiguration,
  type LiveConfiguration,
  type LiveConfigurationOptions,
  staticConfiguration,
} from "./live.ts";
export { livePolicies } from "./policies.ts";
export { defaultTimeoutMs, ExternalRoute, gatewayDocuments, toRoutePath } from "./routes.ts";
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
export {
  fetchVersion,
  pushConfiguration,
  readVersion,
  type StoredConfiguration,
} from "./stored.ts";
export { wholeNumber } from "./values.ts";
