export type { Admission } from "./admission.ts";
export type { ClientAddressSource } from "./request/headers.ts";
export type { Credentials, PresentedCredential } from "./credentials.ts";
export { createGateway, type GatewayOptions, type RevocationOptions } from "./create_gateway.ts";
export { type GatewayConfig, type GatewayEffects, readGatewayConfig } from "./config.ts";
export { type DocsFile, docsFiles, type DocumentOptions, type ReadDocsFile } from "./documents.ts";
export {
  type FetchKeySet,
  type IssuerKeysReport,
  type KeySetSource,
  reportIssuerKeys,
} from "./discovery.ts";
export { claimMembers, issuerMembers, type IssuerRow } from "./issuer_settings.ts";
export {
  createTokenInspector,
  type InspectedCheck,
  type TokenInspection,
  type TokenInspector,
} from "./inspect_token.ts";
export type { IssuerOptions } from "./issuers.ts";
export { createOpenApi, type OpenApiInfo, type OpenApiOptions } from "./openapi/document.ts";
export type { GatewayEnv } from "./observe.ts";
export type { LimitedBy, Verdict } from "./rate_limits.ts";
export type { AccessRule, Method, RevocationMode, Route } from "./routes.ts";
export { gatewaySettings } from "./settings.ts";
export {
  type PassportSigningKey,
  type PassportSigningKeys,
  staticPassportSigningKeys,
} from "./signing_keys.ts";
export type { GatewayPassportOptions } from "./policy_snapshot.ts";
export type { Outcome, Step, StepName, Steps } from "./steps.ts";
export type { Target } from "./request/target.ts";
