export { createApi, type PassportEnv, type ServiceApp } from "./create_api.ts";
export { type ClientOptions, createClient, type ServiceClient } from "./client.ts";
export {
  type ComposeServiceOptions,
  type Product,
  type ServiceContext,
  type ServiceDeclaration,
  type ServiceParts,
  type SettingsOf,
  type SettingsShape,
  toDatabase,
  toPlace,
} from "./service_declaration.ts";
export type { ServiceApplication, ServiceDescription } from "./compose_service.ts";
export { createDefineService, type Service } from "./define_service.ts";
export {
  type Access,
  createRoute,
  type DeclaredRoute,
  type GatewayFacts,
  readRoutes,
} from "./route.ts";
export { createService, type ServiceOptions } from "./create_service.ts";
export {
  type AnyContext,
  type PassportMiddleware,
  requirePassport,
  type RequirePassportOptions,
} from "./require_passport.ts";
export { addExportRoute, type Export, toTime } from "./export_route.ts";
export { markFallback } from "./fallback.ts";
export { requireRole, requireUser, type UserPassport } from "./access.ts";
export {
  asAttachment,
  attachmentResponse,
  bodyProblems,
  callProblems,
  fallbackResponse,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  list,
  ListQuery,
  noContent,
  problems,
} from "./openapi.ts";
export { type ReadResponseOptions, toResponseProblem } from "./read_response.ts";
export type { ServiceConfiguration } from "./service_configuration.ts";
export type { Verifiers } from "./passport_verifiers.ts";
export {
  createServiceRuntime,
  type ServiceRuntime,
  type ServiceRuntimeEffects,
  serviceRuntimeSettings,
} from "./service_runtime.ts";
export { line, prose } from "./text.ts";
