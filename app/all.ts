import {
  type Application,
  type Bindings,
  localUpstream,
  type Upstream,
} from "@edgepass/shared/configuration";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import { compose, type ComposeEffects } from "./compose.ts";
import { services } from "./generated/services.ts";
import { maintainEach } from "./maintenance.ts";

/** The gateway and every service in one isolate; a binding still moves a service elsewhere. */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
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
  for (const service of Object.values(services)) {
    applications.set(service.name, service.compose(own, { local, processors }));
  }
  const composed = [...applications.values()];
  const gateway = await compose(bindings, local, effects);
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
