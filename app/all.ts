import {
  type Application,
  type Bindings,
  localUpstream,
  type Upstream,
} from "@edgepass/shared/configuration";
import { requireNoFaults, type Service } from "@edgepass/shared/http";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import { findRouteClashes, type Routed } from "./clashes.ts";
import { compose as composeGateway, type ComposeEffects } from "./compose.ts";
import { services as product } from "./generated/services.ts";
import { maintainEach } from "./maintenance.ts";

/**
 * The gateway and every service in one isolate; a binding still moves a service elsewhere.
 *
 * @throws {ConfigError} naming wrong settings, or file and member of contradicting declarations
 */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
  services: Readonly<Record<string, Service>> = product,
): Promise<Application> {
  const own = withoutPrivateKeys(bindings);
  const { hashingProcessors: processors } = effects;
  const applications = new Map<string, Application>();
  // A service may call one that is composed after it.
  const local = Object.fromEntries(
    Object.values(services).map(({ name, place }): [string, Upstream] => [
      place,
      localUpstream(name, { fetch: (request) => find(applications, name).fetch(request) }),
    ]),
  );
  const routed: Routed[] = [];
  for (const { name, compose } of Object.values(services)) {
    const one = compose(own, { local, processors });
    applications.set(name, one);
    routed.push({ folder: name, ...one.description });
  }
  requireNoFaults(findRouteClashes(routed));
  const composed = [...applications.values()];
  const gateway = await composeGateway(bindings, local, effects);
  return {
    fetch: gateway.fetch,
    async start() {
      for (const service of composed) await service.start?.();
      await gateway.start?.();
    },
    maintain: () => maintainEach(composed),
    maintainUrgent: () =>
      maintainEach(composed.map(({ maintainUrgent: maintain }) => maintain ? { maintain } : {})),
  };
}

function find(applications: ReadonlyMap<string, Application>, name: string): Application {
  const found = applications.get(name);
  if (found === undefined) throw new TypeError(`Cannot call ${name}: it is not composed yet`);
  return found;
}
