import * as z from "zod/mini";
import type { LogLevel } from "../log.ts";
import {
  Dependencies,
  type ExternalRoute,
  GatewaySection,
  Level,
  type RateLimits,
  type Revocation,
} from "./gateway_section.ts";
import { KeysSection, PassportSection } from "./keys_section.ts";

/** Values that both gateway and services read from the central document. */
export interface CommonValues {
  /** Log lines below this level are not written. */
  readonly logLevel: LogLevel;
  /** Policies of calls, by the dependency's name. */
  readonly dependencies: Dependencies;
  /** States of keys, and public keys. */
  readonly keys: KeysSection;
  /** The Passports that are sent and accepted. */
  readonly passport: PassportSection;
}

/** A gateway's values: the central document over its environment. */
export interface GatewayValues extends CommonValues {
  /** Life of a Passport in seconds. */
  readonly passportTtlSeconds: number;
  /** Routes in addition to those of the product and of the environment. */
  readonly routes: readonly ExternalRoute[];
  /** Maximum age of a revocation check, by the path of a route. */
  readonly revocation: Readonly<Record<string, Revocation>>;
  /** Rate limits of one caller. */
  readonly limits: RateLimits;
}

/** A service's values: the central document over its environment. */
export interface ServiceValues extends CommonValues {
  /** The service's further settings, which it reads itself by `readOwn`. */
  readonly own: Readonly<Record<string, unknown>>;
}

/** Values of the environment. */
export type GatewayEnvironment = Pick<GatewayValues, "logLevel" | "passportTtlSeconds">;
/** Values of the environment. */
export type ServiceEnvironment = Pick<ServiceValues, "logLevel">;

const common = { keys: z.optional(KeysSection), passport: z.optional(PassportSection) };
const GatewayPart = z.object({ ...common, gateway: z.optional(GatewaySection) });

/** A gateway's values without a document. */
export function initialGatewayValues(environment: GatewayEnvironment): GatewayValues {
  const none = { routes: [], revocation: {}, limits: {}, dependencies: {}, keys: {}, passport: {} };
  return { ...none, ...environment };
}

/** A service's values without a document. */
export function initialServiceValues(environment: ServiceEnvironment): ServiceValues {
  return { dependencies: {}, own: {}, keys: {}, passport: {}, ...environment };
}

/** Reads a gateway's part of a document. @throws {RangeError} for an invalid one */
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

/** Reads a service's part of a document. @throws {RangeError} for an invalid one */
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
 * Reads a service's own settings; those of its environment are the defaults.
 *
 * @throws {RangeError} for an invalid setting
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

/** A valid value, and the names in it that this version does not know. */
export interface SectionReading<Section> {
  readonly section: Section;
  readonly unknown: readonly string[];
}

/** Rounds in which unknown names are dropped; each level of a document needs one. */
const maxRounds = 8;

/**
 * Reads a part of the current document without the names that this version does not know: during an
 * update a document for a newer version must still work with an older program.
 *
 * @throws {RangeError} naming the invalid path, without its value
 */
export function readSection<Section>(
  schema: z.ZodMiniType<Section>,
  value: unknown,
): SectionReading<Section> {
  const unknown: string[] = [];
  let rest = value;
  for (let round = 0; round < maxRounds; round++) {
    const { success, data, error } = z.safeParse(schema, rest);
    if (success) return { section: data, unknown };
    const extra = error.issues.filter((issue) => issue.code === "unrecognized_keys");
    if (extra.length === 0 || extra.length < error.issues.length) {
      const misfit = error.issues.find(({ code }) => code !== "unrecognized_keys");
      throw new RangeError(`Configuration does not fit at ${misfit?.path.join(".") ?? "its root"}`);
    }
    for (const { path, keys } of extra) {
      unknown.push(...keys.map((key) => [...path, key].join(".")));
      rest = without(rest, path, keys);
    }
  }
  throw new RangeError("Configuration does not fit");
}

function without(value: unknown, path: readonly PropertyKey[], keys: readonly string[]): unknown {
  const [step, ...further] = path;
  if (Array.isArray(value)) {
    return value.map((item, at) =>
      String(at) === String(step) ? without(item, further, keys) : item
    );
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => step !== undefined || !keys.includes(name))
      .map(([name, member]) => [name, name === step ? without(member, further, keys) : member]),
  );
}
