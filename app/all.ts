import { composeAuth } from "@edgepass/auth/compose";
import { composeCourse } from "@edgepass/course/compose";
import { composeEnrollment } from "@edgepass/enrollment/compose";
import type { Application } from "@edgepass/shared/application";
import type { Bindings } from "@edgepass/shared/config";
import { localUpstream } from "@edgepass/shared/upstream";
import { composeUser } from "@edgepass/user/compose";
import { compose, type ComposeEffects } from "./compose.ts";

/** The gateway and every service in one isolate; a binding still moves a service elsewhere. */
export async function composeAll(
  bindings: Bindings,
  effects: ComposeEffects = {},
): Promise<Application> {
  const auth = await composeAuth(bindings);
  const AUTH = localUpstream("auth", auth);
  const USER = localUpstream("user", await composeUser(bindings, { AUTH }));
  const COURSE = localUpstream("course", await composeCourse(bindings, { USER }));
  const ENROLLMENT = localUpstream("enrollment", await composeEnrollment(bindings, { COURSE }));
  const gateway = await compose(bindings, { AUTH, USER, COURSE, ENROLLMENT }, effects);
  return {
    fetch: gateway.fetch,
    start: async () => await auth.start?.(),
    sweep: async () => await auth.sweep?.(),
  };
}
