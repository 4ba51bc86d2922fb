export { type AnyContext, createApi, type PassportEnv, type ServiceApp } from "./api.ts";
export {
  type ClientOptions,
  createClient,
  type ReadResponseOptions,
  type ServiceClient,
  toResponseProblem,
} from "./client.ts";
export {
  type ComposeServiceOptions,
  type Declared,
  findDeclarationFaults,
  findPartFaults,
  findRouteFaults,
  type Product,
  requireNoFaults,
  type ServiceContext,
  type ServiceDeclaration,
  type ServiceDescription,
  type ServiceParts,
  type SettingsOf,
  type SettingsShape,
  toDatabase,
  toPlace,
} from "./service_declaration.ts";
export type { ServiceApplication } from "./compose_service.ts";
export { createDefineService, type Service } from "./define_service.ts";
export {
  type Access,
  actorOf,
  addExportRoute,
  createRoute,
  type DeclaredRoute,
  type Export,
  type GatewayFacts,
  hasRole,
  readRoutes,
  requireRole,
  requireSubject,
  requireUser,
  toTime,
  type UserPassport,
} from "./route.ts";
export { readSubject, type Subject } from "../passport/mod.ts";
export { createService, type ServiceOptions } from "./create_service.ts";
export {
  type PassportMiddleware,
  requirePassport,
  type RequirePassportOptions,
} from "./require_passport.ts";
export {
  asAttachment,
  attachmentResponse,
  callProblems,
  fallbackResponse,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  line,
  list,
  ListQuery,
  markFallback,
  noContent,
  problems,
  prose,
} from "./openapi.ts";
export {
  createServiceRuntime,
  type ServiceConfiguration,
  type ServiceRuntime,
  type ServiceRuntimeEffects,
  serviceRuntimeSettings,
  type Verifiers,
} from "./service_runtime.ts";
