import { composeAuth } from "@edgepass/auth/compose";
import { composeCourse } from "@edgepass/course/compose";
import { composeEnrollment } from "@edgepass/enrollment/compose";
import { composeRecommendation } from "@edgepass/recommendation/compose";
import { type Application, type Bindings, localUpstream } from "@edgepass/shared/configuration";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import { composeUser } from "@edgepass/user/compose";
import { compose, type ComposeEffects } from "./compose.ts";
import { maintainEach } from "./maintenance.ts";

/** The gateway and every service in one isolate; a binding still moves a service elsewhere. */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
): Promise<Application> {
  const own = withoutPrivateKeys(bindings);
  const { hashingProcessors } = effects;
  const auth = await composeAuth(own, { hashingProcessors });
  const AUTH = localUpstream("auth", auth);
  const user = await composeUser(own, { AUTH });
  const USER = localUpstream("user", user);
  const course = await composeCourse(own, { USER });
  const COURSE = localUpstream("course", course);
  const enrollment = await composeEnrollment(own, { AUTH, USER, COURSE });
  const ENROLLMENT = localUpstream("enrollment", enrollment);
  const recommendation = await composeRecommendation(own);
  const RECOMMENDATION = localUpstream("recommendation", recommendation);
  const places = { AUTH, USER, COURSE, ENROLLMENT, RECOMMENDATION };
  const gateway = await compose(bindings, places, effects);
  const services = [auth, user, course, enrollment, recommendation];
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
