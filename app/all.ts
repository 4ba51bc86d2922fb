import { composeAuth } from "@edgepass/auth/compose";
import course from "@edgepass/course";
import enrollment from "@edgepass/enrollment";
import recommendation from "@edgepass/recommendation";
import type { Application } from "@edgepass/shared/application";
import type { Bindings } from "@edgepass/shared/config";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import { localUpstream, type Upstream } from "@edgepass/shared/upstream";
import user from "@edgepass/user";
import { compose, type ComposeEffects } from "./compose.ts";
import { maintainEach } from "./maintenance.ts";

/** The gateway and every service in one isolate; a binding still moves a service elsewhere. */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
): Promise<Application> {
  const own = withoutPrivateKeys(bindings);
  const { hashingProcessors: processors } = effects;
  const auth = composeAuth(own, { hashingProcessors: processors });
  const local: Record<string, Upstream> = { AUTH: localUpstream("auth", auth) };
  const services: Application[] = [auth];
  // A service comes after those that it calls.
  for (const { name, place, compose } of [user, course, enrollment, recommendation]) {
    const service = compose(own, { local, processors });
    local[place] = localUpstream(name, service);
    services.push(service);
  }
  const gateway = await compose(bindings, local, effects);
  return {
    fetch: gateway.fetch,
    async start() {
      for (const service of services) await service.start?.();
      await gateway.start?.();
    },
    maintain: () => maintainEach(services),
    maintainUrgent: () =>
      maintainEach(services.map(({ maintainUrgent: maintain }) => maintain ? { maintain } : {})),
  };
}
