import type { EventTypes } from "@edgepass/contracts";
import type { Events } from "@edgepass/shared/events";
import { newProfile } from "./service.ts";
import type { ProfileEffects } from "./store.ts";

/** The events of the user service. */
export type UserEvents = Events<EventTypes, "user">;

/**
 * Subscribes user to auth's events of accounts.
 *
 * The profile may exist before the event of its account, because a call to auth created it; then it
 * stays unchanged. A tombstone stays too.
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
