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
  const local: Record<string, Upstream> = {};
  const composed: Application[] = [];
  for (const service of Object.values(services)) {
    const one = service.compose(own, { local, processors });
    local[service.place] = localUpstream(service.name, one);
    composed.push(one);
  }
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
