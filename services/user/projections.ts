import type { ServiceEvents } from "@edgepass/contracts";
import { newProfile } from "./rules.ts";
import type { ProfileEffects } from "./store.ts";

/**
 * The effects of auth's events of accounts.
 *
 * The profile may exist before the event of its account, because a call to auth created it; then it
 * stays unchanged. A tombstone stays too.
 */
export function profileHandlers(
  { insertion, erasure, disabling, enabling }: ProfileEffects,
): ServiceEvents<"user">["handlers"] {
  return {
    "user.registered": ({ subject: id, data: { name }, time }) =>
      insertion(newProfile({ id, name }, time)),
    "user.disabled": ({ subject, time }) => disabling(subject, time),
    "user.enabled": ({ subject }) => enabling(subject),
    "user.deleted": ({ subject, time }) => erasure(subject, time),
  };
}

/** All people with stored data, and whether they are disabled. */
const people = `SELECT id, EXISTS (SELECT 1 FROM disabled_people AS other WHERE other.id = known.id)
  FROM (
    SELECT id FROM profiles WHERE erased_at IS NULL
    UNION SELECT id FROM disabled_people
  ) AS known WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = known.id)`;

/** Names, which it can publish again, and its projections of auth's accounts. */
export const profileReconciliation: ServiceEvents<"user">["reconciliation"] = {
  publishes: {
    profile: {
      query: "SELECT id, name FROM profiles WHERE erased_at IS NULL",
      toEvent: ([id, name]) => ({
        type: "user.profile-changed",
        subject: String(id),
        data: { name: String(name) },
      }),
    },
  },
  projects: [
    // The profile's name belongs to the person, whatever name they signed up with.
    {
      source: "auth",
      facet: "registration",
      whole: true,
      query: `SELECT id FROM profiles WHERE erased_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = profiles.id)`,
    },
    {
      source: "auth",
      facet: "access",
      whole: false,
      query: people,
      matches: ({ type }, [, disabled]) => (disabled === 1) === (type === "user.disabled"),
    },
  ],
};
