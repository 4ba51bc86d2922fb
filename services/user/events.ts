import type { EventTypes } from "@edgepass/contracts";
import type { Events } from "@edgepass/shared/events";
import { newProfile } from "./service.ts";
import type { ProfileEffects } from "./store.ts";

/** What user says and hears. */
export type UserEvents = Events<EventTypes, "user">;

/**
 * Has user hear what auth says of people.
 *
 * The profile may be there before the news of the account, learned by asking; then it stays as it
 * is. A tombstone stays too.
 */
export function registerHandlers(
  events: Pick<UserEvents, "on">,
  { insertion, erasure, disabling, enabling }: ProfileEffects,
): void {
  events.on(
    "user.registered",
    ({ subject: id, data: { name }, time }) => insertion(newProfile({ id, name }, time)),
  );
  events.on("user.disabled", ({ subject, time }) => disabling(subject, time));
  events.on("user.enabled", ({ subject }) => enabling(subject));
  events.on("user.deleted", ({ subject, time }) => erasure(subject, time));
}
