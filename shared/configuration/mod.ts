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
  fixedConfiguration,
  type InForce,
  type LiveConfiguration,
  type LiveConfigurationOptions,
} from "./live.ts";
export { followPolicies } from "./policies.ts";
export { defaultTimeoutMs, ForeignRoute, gatewayDocuments, toRoutePath } from "./routes.ts";
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
export { askVersion, pushConfiguration, readVersion, type StoredConfiguration } from "./stored.ts";
export { wholeNumber } from "./values.ts";
