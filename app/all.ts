import { composeAuth } from "@edgepass/auth/compose";
import { composeCourse } from "@edgepass/course/compose";
import { composeEnrollment } from "@edgepass/enrollment/compose";
import type { Application } from "@edgepass/shared/application";
import type { Bindings } from "@edgepass/shared/config";
import { localUpstream } from "@edgepass/shared/upstream";
import { composeUser } from "@edgepass/user/compose";
import { compose, type ComposeEffects } from "./compose.ts";
import { sweepEach } from "./sweep.ts";

/** The gateway and every service in one isolate; a binding still moves a service elsewhere. */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
): Promise<Application> {
  const auth = await composeAuth(bindings);
  const AUTH = localUpstream("auth", auth);
  const user = await composeUser(bindings, { AUTH });
  const USER = localUpstream("user", user);
  const course = await composeCourse(bindings, { USER });
  const COURSE = localUpstream("course", course);
  const enrollment = await composeEnrollment(bindings, { AUTH, USER, COURSE });
  const ENROLLMENT = localUpstream("enrollment", enrollment);
  const gateway = await compose(bindings, { AUTH, USER, COURSE, ENROLLMENT }, effects);
  const services = [auth, user, course, enrollment];
  return {
    fetch: gateway.fetch,
    async start() {
      for (const service of services) await service.start?.();
    },
    sweep: () => sweepEach(services),
  };
}
