import {
  defaultPassportTtlSeconds,
  type GatewayValues,
  initialGatewayValues,
  type LiveConfiguration,
  staticConfiguration,
  type Upstream,
} from "@edgepass/shared/configuration";
import { createLogger } from "@edgepass/shared/context";
import { type Logger, noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import type { Redis } from "@edgepass/shared/redis";
import type { Policies } from "@edgepass/shared/resilience";
import { cookieNames } from "@edgepass/shared/tokens";
import type { Hono } from "hono";
import { serveAdministration } from "./admin.ts";
import { type Admission, createAdmission } from "./admission.ts";
import { createAuthenticate, createIdentify } from "./authenticate.ts";
import { createOriginPolicy } from "./credentials.ts";
import { type DocumentOptions, serveAbout, serveDocuments, serveReadiness } from "./documents.ts";
import { createEdgeStateReader, createOpenEdge, followVersion } from "./edge_state.ts";
import { createForward } from "./forward.ts";
import { createIssuers, type IssuerOptions } from "./issuers.ts";
import { type GatewayEnv, observe } from "./observe.ts";
import { createPolicy } from "./policy.ts";
import {
  createPolicyFactory,
  type GatewayPassportOptions,
  type PolicySnapshot,
} from "./policy_snapshot.ts";
import { createRateLimiter } from "./rate_limits.ts";
import { type ClientAddressSource, createUpstreamHeaders } from "./request/headers.ts";
import { createHostCheck } from "./request/target.ts";
import { createClientHeaders } from "./response/envelope.ts";
import { createStaleIfError } from "./response/stale_if_error.ts";
import { createExpireStream } from "./response/stream_expiry.ts";
import { createCheckRevocation } from "./revocation.ts";
import { createRebuild, createRevocationList } from "./revocation_list.ts";
import type { Route } from "./routes.ts";
import { prepareKeys } from "./signing_keys.ts";

/** Where revocations are read. */
export interface RevocationOptions {
  /** A client with its time budget built in. */
  readonly redis: Redis;
  /**
   * Where the revocation authority rebuilds an incomplete list: a POST as `svc:gateway`. Without it
   * the list is not checked for gaps.
   */
  readonly rebuild?: { readonly upstream: Upstream; readonly path: string };
}

/** Options of a gateway. */
export interface GatewayOptions {
  /** The one origin clients use. */
  readonly publicOrigin: string;
  /** Further origins whose pages may call the gateway, compared exactly. */
  readonly allowedOrigins?: readonly string[];
  /** The issuers whose access tokens are accepted. */
  readonly issuers: readonly IssuerOptions[];
  /** The services behind the gateway, and who may use them. */
  readonly routes: readonly Route[];
  /** Where revocations are read. */
  readonly revocation: RevocationOptions;
  /** How Passports are signed. */
  readonly passport: GatewayPassportOptions;
  /** The central configuration, live at run time; without it nothing changes. */
  readonly configuration?: LiveConfiguration<GatewayValues>;
  /** The trusted source of the client's address; the connection by default. */
  readonly clientAddress?: ClientAddressSource;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** The API's document and the page that shows it. */
  readonly documents?: DocumentOptions;
  /** Resilience policy of each upstream, by its name; the platform's defaults without. */
  readonly policies?: Policies;
  /** How the instance detects overload; without it every request is admitted. */
  readonly admission?: Admission;
  /** Where log lines go; standard output by default. */
  readonly log?: Logger;
  /**
   * Where spans and measurements go; by default spans go to the OpenTelemetry API's global
   * provider.
   */
  readonly telemetry?: Telemetry;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/**
 * Makes a gateway: one origin, one table of routes, one identity for every service behind it.
 *
 * It returns `(Request) => Response` and depends on no product. Here its parts are made of
 * the options; `policy.ts` has the order in which a request passes them.
 *
 * @throws {RangeError} for an invalid route table or issuer
 */
export function createGateway(options: GatewayOptions): Hono<GatewayEnv> {
  const { publicOrigin, allowedOrigins = [], leewaySeconds = 5, now = Date.now } = options;
  const { clientAddress = { kind: "peer" }, telemetry = noopTelemetry() } = options;
  const { admission, documents, passport: { keys }, revocation: { redis } } = options;
  const log = options.log ?? createLogger({ service: "gateway", now });
  const effects = { now, log };
  const names = cookieNames(publicOrigin);
  const configuration = options.configuration ?? environmentConfiguration(options);
  const currentPolicy = configuration.select(createPolicyFactory(options, effects));
  const issuers = createIssuers(options.issuers, effects);
  prepareKeys(configuration, { keys, issuers });
  const edge = createEdge(options, currentPolicy, effects);
  const readEdgeState = followVersion(edge.readEdgeState, configuration);
  const checkRevocation = createCheckRevocation({ now });
  const authenticate = createAuthenticate({ issuers, leewaySeconds, now });
  const identify = createIdentify({ authenticate, checkRevocation, log });
  const origins = createOriginPolicy({ publicOrigin, allowedOrigins });
  const { secure } = names;
  return createPolicy({
    admit: admission && createAdmission({ ...admission, log, telemetry, secure }),
    observe: observe({ log, origins, telemetry, cookieNames: names }),
    requireOwnHost: createHostCheck(publicOrigin),
    serveOwn(app) {
      const isRouted = (segments: readonly string[]) =>
        currentPolicy().table.at(segments) !== undefined;
      serveReadiness(app, { issuers: issuers.all, readEdgeState });
      serveDocuments(app, { ...documents });
      serveAbout(app, { ...documents, publicOrigin, isRouted });
      const own = { cookieNames: names, identify, readEdgeState };
      serveAdministration(app, { ...own, keys, configuration, telemetry });
    },
    clientAddress,
    cookieNames: names,
    origins,
    currentPolicy,
    configuration,
    limiter: createRateLimiter({ now }),
    openEdge: createOpenEdge(readEdgeState, edge.incrementDeferred),
    identify,
    toUpstreamHeaders: createUpstreamHeaders({ publicOrigin, cookieNames: names }),
    forward: createForward({ ...options, currentPolicy }),
    staleIfError: createStaleIfError({ redis, now, log }),
    toClientHeaders: createClientHeaders(names),
    expireStream: createExpireStream({
      recheck: (token) => checkRevocation(token, "strict", () => readEdgeState({ token })),
      now,
    }),
    log,
    now,
  });
}

/** The reader of Redis, and the list that it reads. */
function createEdge(
  { revocation: { redis, rebuild: target }, configuration }: GatewayOptions,
  currentPolicy: () => PolicySnapshot,
  effects: { readonly now: () => number; readonly log: Logger },
) {
  const rebuild = target &&
    createRebuild(target, (caller, traceId) => currentPolicy().signPassport(caller, traceId));
  const list = createRevocationList(rebuild, effects);
  return createEdgeStateReader({ redis, list, readsVersion: configuration !== undefined }, effects);
}

/** The environment's values, which never change. */
function environmentConfiguration({ passport }: GatewayOptions): LiveConfiguration<GatewayValues> {
  const { ttlSeconds: passportTtlSeconds = defaultPassportTtlSeconds } = passport;
  return staticConfiguration(initialGatewayValues({ logLevel: "info", passportTtlSeconds }));
}
