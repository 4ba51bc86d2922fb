import type { EventTypes } from "@edgepass/contracts";
import type { Events, PublishedBy } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";

type Published = PublishedBy<EventTypes, "user">;

const profiles = "SELECT id, name FROM profiles WHERE erased_at IS NULL";

/** All people with stored data, and whether they are disabled. */
const people = `SELECT id, EXISTS (SELECT 1 FROM disabled_people AS one WHERE one.id = known.id)
  FROM (
    SELECT id FROM profiles WHERE erased_at IS NULL
    UNION SELECT id FROM disabled_people
  ) AS known WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = known.id)`;

/** Lets user publish names again, and registers its projections of auth's accounts. */
export function addReconciliation(
  { facets }: Pick<Events<EventTypes, "user">, "facets">,
  sql: SqlDb,
): void {
  facets.publishes("profile", {
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${profiles} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toPublished),
    find: async (ids) =>
      (await sql.run({
        sql: `${profiles} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toPublished),
  });
  // The profile's name belongs to the person, whatever name they signed up with.
  facets.projects("auth", "registration", {
    whole: true,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `SELECT id FROM profiles WHERE erased_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = profiles.id)
          AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id]) => ({ subject: String(id) })),
    matches: () => true,
  });
  facets.projects("auth", "access", {
    whole: false,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `${people} AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id, disabled]) => ({ subject: String(id), disabled: disabled === 1 })),
    matches: ({ type }, { disabled }) => disabled === (type === "user.disabled"),
  });
}

function toPublished([id, name]: Row): Published {
  return { type: "user.profile-changed", subject: String(id), data: { name: String(name) } };
}
