import { type GatewayValues, type RateLimits, toRoutePath } from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/log";
import type { Policies } from "@edgepass/shared/resilience";
import { urlUpstream } from "@edgepass/shared/upstream";
import { toRoute } from "./external_routes.ts";
import { createSignPassport, type SignPassport } from "./passport.ts";
import type { PassportSigningKeys } from "./signing_keys.ts";
import { choosePassports } from "./passport_keys.ts";
import { createRouteTable, type Route, type RouteTable } from "./routes.ts";
import { findImpatientLimits, requirePatience } from "./slow_calls.ts";

/** All that decides about a request and can change at run time, of one version. */
export interface PolicySnapshot {
  /** Of the central configuration; 0 is the environment alone. */
  readonly version: number;
  readonly table: RouteTable;
  readonly limits: RateLimits;
  readonly signPassport: SignPassport;
}

/** What the central configuration is laid over. */
export interface PolicyFactoryOptions {
  /** The routes of the product and of the environment. */
  readonly routes: readonly Route[];
  readonly passport: GatewayPassportOptions;
  /** How each upstream is called, by its name. */
  readonly policies?: Policies;
}

/** How Passports are signed, as far as the environment says. */
export interface GatewayPassportOptions {
  /** Who signs: `iss` of every Passport. */
  readonly issuer: string;
  /** The trust domain: `aud` of every Passport. */
  readonly audience: string;
  /** Every key that may come to sign. */
  readonly keys: PassportSigningKeys;
  /** Life in seconds, 30 by default, 300 at most. */
  readonly ttlSeconds?: number;
}

/**
 * Makes the rules of a version. It throws a RangeError for a route table that cannot be meant so, and
 * for Passports that no key could sign or no service verify.
 */
export type PolicyFactory = (values: GatewayValues, version: number) => PolicySnapshot;

/**
 * Makes the maker of rules. Nothing is kept from one version to the next: an upstream's health is
 * known by its name, and so outlives the change.
 */
export function createPolicyFactory(
  { routes, passport: { keys, ...passport }, policies }: PolicyFactoryOptions,
  effects: { readonly now: () => number; readonly log: Logger },
): PolicyFactory {
  return function createRules(values, version) {
    const ttlSeconds = values.passportTtlSeconds;
    const table = createRouteTable(
      version === 0 ? routes : applyOverrides(routes, values),
      { maxTimeoutMs: ttlSeconds * 1000 },
    );
    if (version === 0) requirePatience(table, (name) => policies?.(name).breaker.slowCallMs);
    warnOfUnknownRoutes(values, table, effects.log);
    warnOfImpatience(values, table, effects.log);
    return {
      version,
      table,
      limits: values.limits,
      signPassport: createSignPassport(
        {
          ...passport,
          ...choosePassports(keys.all(), values),
          ttlSeconds,
          configurationVersion: version,
        },
        effects,
      ),
    };
  };
}

/** Of two rows with one path the central one counts; no call outlives its Passport. */
function applyOverrides(
  routes: readonly Route[],
  { routes: central, revocation, passportTtlSeconds }: GatewayValues,
): Route[] {
  const replaced = new Set(central.map(({ prefix }) => toRoutePath(prefix)));
  const rows = [
    ...routes.filter(({ path }) => !replaced.has(path)),
    ...central.map((row) => ({ ...toRoute(row), upstream: urlUpstream(row.upstream) })),
  ];
  return rows.map((row) => ({
    ...row,
    timeoutMs: Math.min(row.timeoutMs ?? 5_000, passportTtlSeconds * 1000),
    revocation: revocation[row.path] ?? row.revocation ?? "strict",
  }));
}

/** Only the gateway knows its table, so a path written wrong is seen here first. */
function warnOfUnknownRoutes(
  { revocation, limits, passport }: GatewayValues,
  table: RouteTable,
  log: Logger,
): void {
  const known = new Set(table.routes.map(({ path }) => path));
  const named = [revocation, limits.routes ?? {}, passport.sendByRoute ?? {}].flatMap(Object.keys);
  const unknown = named.filter((path) => !known.has(path));
  if (unknown.length > 0) log.warn("Configuration names routes that are not there", { unknown });
}

/**
 * A document from before such a limit was refused, or one beside other routes than it was written for,
 * keeps the rest of what it says; the guard of the upstream holds to the routes.
 */
function warnOfImpatience({ dependencies }: GatewayValues, table: RouteTable, log: Logger): void {
  for (
    const found of findImpatientLimits(table, (name) => dependencies[name]?.breaker?.slowCallMs)
  ) {
    log.warn("Configuration names a slowCallMs below the timeoutMs of a route: it is raised", {
      ...found,
    });
  }
}
