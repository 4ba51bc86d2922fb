import {
  type ExternalRoute,
  type GatewayValues,
  type RateLimits,
  toRoutePath,
  urlUpstream,
  withoutUndefined,
} from "@edgepass/shared/configuration";
import type { Logger } from "@edgepass/shared/telemetry";
import type { AccessTokenIssuer } from "@edgepass/shared/tokens";
import { patchOf, type PolicyVersion } from "@edgepass/shared/passport";
import type { Policies } from "@edgepass/shared/resilience";
import {
  createRequireSignable,
  createSignPassport,
  type RequireSignable,
  type SignPassport,
} from "./passport.ts";
import type { PassportOptions } from "./passport_claims.ts";
import { createRouteTable, findShadowed, type Route, type RouteTable } from "./routes.ts";
import { choosePassports, type PassportSigningKeys } from "./signing_keys.ts";

/** Everything that decides about a request and can change at run time, for one version. */
export interface PolicySnapshot {
  /** Version of the central configuration; 0 is the environment alone. */
  readonly version: number;
  readonly table: RouteTable;
  readonly limits: RateLimits;
  readonly signPassport: SignPassport;
  readonly requireSignable: RequireSignable;
}

/** What the central configuration overrides. */
export interface PolicyFactoryOptions {
  /** The routes of the product and of the environment. */
  readonly routes: readonly Route[];
  readonly passport: GatewayPassportOptions;
  /** Whose tokens are accepted. */
  readonly issuers?: readonly Partial<Pick<AccessTokenIssuer, "alias" | "claims" | "clients">>[];
  /** Resilience policy of each upstream, by its name. */
  readonly policies?: Policies;
}

/** How Passports are signed, by the environment's settings. */
export interface GatewayPassportOptions {
  /** The Passport issuer: `iss` of every Passport. */
  readonly issuer: string;
  /** The trust domain: `aud` of every Passport. */
  readonly audience: string;
  /** Every key that may be chosen to sign. */
  readonly keys: PassportSigningKeys;
  /** Life in seconds, 30 by default, 300 at most. */
  readonly ttlSeconds?: number;
  /** The policy that services take, 0.1.0 by default. */
  readonly policy?: PolicyVersion;
}

/**
 * Makes the policy snapshot of a version. It throws a RangeError for an invalid route table, and
 * for Passports that no key could sign or no service could verify.
 */
export type PolicyFactory = (values: GatewayValues, version: number) => PolicySnapshot;

/**
 * Makes the factory of policy snapshots. A snapshot has no state of the one before: an upstream's
 * health is stored by name outside of it, and so survives the change.
 */
export function createPolicyFactory(
  { routes, passport: { keys, ...passport }, issuers = [], policies }: PolicyFactoryOptions,
  effects: { readonly now: () => number; readonly log: Logger },
): PolicyFactory {
  return function createSnapshot(values, version) {
    const ttlSeconds = values.passportTtlSeconds;
    const table = createRouteTable(
      version === 0 ? routes : applyOverrides(routes, values),
      { maxTimeoutMs: ttlSeconds * 1000 },
    );
    if (version === 0) {
      requireNoSlowCallConflict(table, (name) => policies?.(name).breaker.slowCallMs);
    }
    warnOfUnknownRoutes(values, table, effects.log);
    warnOfShadowedRoutes(values, { table, version }, effects.log);
    warnOfSlowCallConflicts(values, table, effects.log);
    const { policy, policyByRoute } = withoutUndefined(values.passport);
    const options = {
      ...passport,
      ...choosePassports(keys.all(), values),
      ...withoutUndefined({ policy, policyByRoute }),
      ttlSeconds,
      configurationVersion: version,
    };
    reportUnsent(issuers, options, effects.log);
    return {
      version,
      table,
      limits: values.limits,
      signPassport: createSignPassport(options, effects),
      requireSignable: createRequireSignable(options, effects),
    };
  };
}

/** A central route replaces one with the same path; no call may outlive its Passport. */
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

/**
 * Only the gateway has its route table, so this is the first place that detects a mistyped path.
 */
function warnOfUnknownRoutes(
  { revocation, limits, passport }: GatewayValues,
  table: RouteTable,
  log: Logger,
): void {
  const known = new Set(table.routes.map(({ path }) => path));
  const { sendByRoute = {}, policyByRoute = {} } = passport;
  const named = [revocation, limits.routes ?? {}, sendByRoute, policyByRoute].flatMap(Object.keys);
  const unknown = named.filter((path) => !known.has(path));
  if (unknown.length > 0) log.warn("Configuration names unknown routes", { unknown });
}

/** How many rows of the product a warning names. */
const namedRows = 5;

/**
 * A warning and no refusal: the rest of the prefix is reached. Each row is reported once, by the
 * version that has it.
 */
function warnOfShadowedRoutes(
  { routes }: GatewayValues,
  { table, version }: { readonly table: RouteTable; readonly version: number },
  log: Logger,
): void {
  const central = new Set(routes.map(({ prefix }) => toRoutePath(prefix)));
  for (const { route, rows } of findShadowed(table.routes)) {
    if (version !== 0 && !central.has(route)) continue;
    log.warn(
      "The product's own routes come before a part of this external route: choose another prefix",
      {
        about: "settings",
        prefix: route,
        rows: rows.slice(0, namedRows),
        count: rows.length,
      },
    );
  }
}

/**
 * A configuration may be older than the check that refuses such a limit, or be used with other
 * routes than it was written for. Its other values stay in effect, and the upstream's breaker uses
 * the routes' `timeoutMs` instead.
 */
function warnOfSlowCallConflicts(
  { dependencies }: GatewayValues,
  table: RouteTable,
  log: Logger,
): void {
  for (
    const found of findSlowCallConflicts(table, (name) => dependencies[name]?.breaker?.slowCallMs)
  ) {
    log.warn("Configuration names a slowCallMs below the timeoutMs of a route: it is raised", {
      ...found,
    });
  }
}

/**
 * Names the issuers whose claims or clients no route's policy sends: a service would wait for them
 * in vain.
 */
function reportUnsent(
  issuers: NonNullable<PolicyFactoryOptions["issuers"]>,
  { policy = "0.1.0", policyByRoute = {} }: Pick<PassportOptions, "policy" | "policyByRoute">,
  log: Logger,
): void {
  if ([policy, ...Object.values(policyByRoute)].some((one) => patchOf(one) > 0)) return;
  const aliasesOf = (found: typeof issuers) => found.map(({ alias }) => alias);
  const extra = aliasesOf(issuers.filter(({ claims }) => claims?.extra !== undefined));
  const clients = aliasesOf(issuers.filter((issuer) => issuer.clients !== undefined));
  if (extra.length > 0) {
    log.warn(
      "The Passport policy does not send claims.extra of these issuers: PASSPORT_POLICY=0.1.1 does",
      {
        about: "settings",
        policy,
        issuers: extra,
      },
    );
  }
  if (clients.length > 0) {
    log.info("The Passport policy has no subject for a token without a user of these issuers", {
      policy,
      issuers: clients,
    });
  }
}

/** External services may get uploads as large as the edge platforms accept. */
const externalMaxBodyBytes = 104_857_600;

/** The route of an external service; a prefix matches itself and everything below it. */
export function toRoute({ prefix, upstream, ...rest }: ExternalRoute): Route {
  return {
    maxBodyBytes: externalMaxBodyBytes,
    ...withoutUndefined(rest),
    path: toRoutePath(prefix),
    upstream: urlUpstream(upstream),
    isExternal: true,
  };
}

/** An upstream whose calls count as slow before the time limit of one of its routes. */
interface SlowCallConflict {
  readonly upstream: string;
  readonly slowCallMs: number;
  readonly longestTimeoutMs: number;
}

/** The upstreams whose `breaker.slowCallMs` is below the longest `timeoutMs` of their routes. */
function findSlowCallConflicts(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): SlowCallConflict[] {
  const upstreams = new Set(table.routes.map(({ upstream }) => upstream.name));
  return [...upstreams].flatMap((upstream) => {
    const slowCallMs = slowCallMsOf(upstream);
    const longestTimeoutMs = table.longestTimeoutMs(upstream);
    if (slowCallMs === undefined || longestTimeoutMs === undefined) return [];
    return slowCallMs < longestTimeoutMs ? [{ upstream, slowCallMs, longestTimeoutMs }] : [];
  });
}

/**
 * Refuses to start with policies that contradict the routes: the operator must fix one of the two
 * now, and not during an outage when the breaker opens.
 *
 * @throws {RangeError} naming the upstream
 */
function requireNoSlowCallConflict(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): void {
  const [found] = findSlowCallConflicts(table, slowCallMsOf);
  if (!found) return;
  const { upstream, slowCallMs, longestTimeoutMs } = found;
  throw new RangeError(
    `Cannot start: slowCallMs of ${upstream} is ${slowCallMs}: it must be at least ` +
      `the longest timeoutMs of its routes, ${longestTimeoutMs}`,
  );
}
