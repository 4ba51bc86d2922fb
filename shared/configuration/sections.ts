import * as z from "zod/mini";
import type { LogLevel } from "../log.ts";
import { Dependencies } from "./dependencies.ts";
import { GatewaySection, type RateLimits } from "./gateway_section.ts";
import { KeysSection, PassportSection } from "./keys_section.ts";
import type { ExternalRoute, Revocation } from "./routes.ts";
import { readSection } from "./section.ts";
import { Level } from "./values.ts";

/** What gateway and services alike take from the central document. */
export interface CommonValues {
  /** Lines below it are not written. */
  readonly logLevel: LogLevel;
  /** Policies of calls, by the name of what is called. */
  readonly dependencies: Dependencies;
  /** States of keys, and public keys. */
  readonly keys: KeysSection;
  /** Which profiles of the Passport are sent and taken. */
  readonly passport: PassportSection;
}

/** What a gateway lives by: the central document over its environment. */
export interface GatewayValues extends CommonValues {
  /** Life of a Passport in seconds. */
  readonly passportTtlSeconds: number;
  /** Beside the routes of the product and of the environment. */
  readonly routes: readonly ExternalRoute[];
  /** How old an answer on revocation may be, by the path of a route. */
  readonly revocation: Readonly<Record<string, Revocation>>;
  /** How often one caller may ask. */
  readonly limits: RateLimits;
}

/** What a service lives by: the central document over its environment. */
export interface ServiceValues extends CommonValues {
  /** What the document says of it besides; the service itself reads that, by `readOwn`. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** What the environment says. */
export type GatewayEnvironment = Pick<GatewayValues, "logLevel" | "passportTtlSeconds">;
/** What the environment says. */
export type ServiceEnvironment = Pick<ServiceValues, "logLevel">;

const common = { keys: z.optional(KeysSection), passport: z.optional(PassportSection) };
const GatewayPart = z.object({ ...common, gateway: z.optional(GatewaySection) });

/** What a gateway lives by while there is no document. */
export function initialGatewayValues(environment: GatewayEnvironment): GatewayValues {
  const none = { routes: [], revocation: {}, limits: {}, dependencies: {}, keys: {}, passport: {} };
  return { ...none, ...environment };
}

/** What a service lives by while there is no document. */
export function initialServiceValues(environment: ServiceEnvironment): ServiceValues {
  return { dependencies: {}, own: {}, keys: {}, passport: {}, ...environment };
}

/** Reads a gateway's part of a document. @throws {RangeError} for one that does not fit */
export function readGatewayValues(
  document: unknown,
  environment: GatewayEnvironment,
): GatewayValues {
  const { section } = readSection(GatewayPart, document);
  const { gateway = {}, keys = {}, passport = {} } = section;
  return {
    routes: gateway.routes ?? [],
    revocation: gateway.revocation ?? {},
    limits: gateway.limits ?? {},
    dependencies: gateway.dependencies ?? {},
    logLevel: gateway.logLevel ?? environment.logLevel,
    passportTtlSeconds: gateway.passportTtlSeconds ?? environment.passportTtlSeconds,
    keys,
    passport,
  };
}

/** Reads a service's part of a document. @throws {RangeError} for one that does not fit */
export function readServiceValues(
  document: unknown,
  name: string,
  environment: ServiceEnvironment,
): ServiceValues {
  const Service = z.looseObject({
    logLevel: z.optional(Level),
    dependencies: z.optional(Dependencies),
  });
  const ServicePart = z.object({
    ...common,
    services: z.optional(z.object({ [name]: z.optional(Service) })),
  });
  const { section: { services = {}, keys = {}, passport = {} } } = readSection(
    ServicePart,
    document,
  );
  const { logLevel, dependencies, ...own } = services[name] ?? {};
  return {
    logLevel: logLevel ?? environment.logLevel,
    dependencies: dependencies ?? {},
    own,
    keys,
    passport,
  };
}

/**
 * Reads the settings of a service's own over those of its environment, which hold where the document
 * says nothing. @throws {RangeError} for what does not fit
 */
export function readOwn<Values extends object>(
  shape: { readonly [Name in keyof Values]: z.ZodMiniType<Values[Name] | undefined> },
  own: Readonly<Record<string, unknown>>,
  environment: Values,
): Values {
  const { section } = readSection(z.strictObject(shape), own);
  const given = Object.entries(section).filter(([, value]) => value !== undefined);
  return { ...environment, ...Object.fromEntries(given) };
}
