import { dependencyPolicies } from "@edgepass/contracts/dependencies";
import {
  createGateway,
  createOpenApi,
  type ReadDocsFile,
  readGatewayConfig,
  type Route,
} from "@edgepass/gateway";
import {
  type Application,
  type Bindings,
  placeUpstream,
  readConfig,
  type Upstream,
  upstreamSetting,
} from "@edgepass/shared/configuration";
import * as z from "zod/mini";
import {
  deliveryRoutes,
  eventAdminRoutes,
  places,
  routes,
  type Row,
  type ServiceName,
} from "./routes.ts";

/** Where each service is. */
type Places = Readonly<Record<ServiceName, Upstream>>;

/** Services of this isolate, by the binding that would place them elsewhere. */
export type LocalServices = Partial<Record<ServiceName, Upstream>>;

export interface ComposeEffects {
  /** Whether requests may share a round trip to Redis. */
  readonly pipelineAutomatically?: boolean;
  /** Processor time of this instance in milliseconds, where the runtime reports it. */
  readonly processorMs?: () => number;
  /** Processors that password hashing may occupy, where requests may wait for each other. */
  readonly hashingProcessors?: number;
  /** Whether timers measure how late the event loop is. */
  readonly measuresLateness?: boolean;
  /** Files of the page at `/docs`. */
  readonly docs?: ReadDocsFile | undefined;
}

const info = {
  title: "Edgepass",
  version: "0.1.0",
  description:
    "A learning platform: accounts, people, courses, enrollments and suggestions behind one gateway. " +
    "Every JSON answer comes in one envelope, and every failure has a stable code.",
  license: { name: "MIT", identifier: "MIT" },
};

/**
 * Wires the gateway of the learning platform; a service in `local` is used when no binding names
 * one.
 */
export async function compose(
  bindings: Bindings,
  local: LocalServices = {},
  { pipelineAutomatically = false, measuresLateness = false, processorMs, docs }: ComposeEffects =
    {},
): Promise<Application> {
  const config = await readGatewayConfig(bindings, {
    pipelineAutomatically,
    measuresLateness,
    policies: dependencyPolicies,
    ...(processorMs ? { processorMs } : {}),
  });
  const services = placeServices(bindings, local);
  const gateway = createGateway({
    ...config,
    issuers: [{
      iss: config.issuer,
      audience: config.audience,
      algorithms: ["EdDSA"],
      // A new instance without the keys of its own accounts must not replace one that has them.
      required: true,
      jwks: (signal) => services.AUTH.fetch("/.well-known/jwks.json", { signal }),
    }, ...config.issuers],
    routes: [
      ...toRoutes(routes, services),
      ...toRoutes(deliveryRoutes, services),
      ...toRoutes(eventAdminRoutes, services),
      ...config.routes,
    ],
    revocation: {
      redis: config.redis,
      rebuild: { upstream: services.AUTH, path: "/internal/revocations/refill" },
    },
    documents: {
      openapi: createOpenApi({
        routes: toRoutes(routes, services),
        publicOrigin: config.publicOrigin,
        info,
      }),
      about: { title: info.title, version: info.version, description: info.description },
      ...(docs ? { docs } : {}),
    },
  });
  return {
    fetch: gateway.fetch,
    start: async () => await config.configuration.ensureLoaded(),
  };
}

function placeServices(bindings: Bindings, local: LocalServices): Places {
  const names = Object.keys(places).filter(isPlace);
  const schema = z.object(toRecord(names, () => z.optional(upstreamSetting)));
  const placed = readConfig(schema, bindings);
  return toRecord(names, (name) => placeUpstream(name, placed[name], local[name]));
}

function isPlace(name: string): name is ServiceName {
  return name in places;
}

function toRecord<Value>(
  names: readonly ServiceName[],
  make: (name: ServiceName) => Value,
): Record<ServiceName, Value> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<ServiceName, Value>;
}

function toRoutes(
  rows: Readonly<Record<string, Row>>,
  services: Places,
): Route[] {
  return Object.entries(rows).map(([path, { service, ...row }]) => ({
    path,
    upstream: services[service],
    ...row,
  }));
}
