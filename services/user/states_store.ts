import type { EventTypes } from "@edgepass/contracts";
import type { Events, SaidBy } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";

type Said = SaidBy<EventTypes, "user">;

const profiles = "SELECT id, name FROM profiles WHERE erased_at IS NULL";

/** Everybody of whom something is kept, and whether they may not come in. */
const people = `SELECT id, EXISTS (SELECT 1 FROM disabled_people AS one WHERE one.id = known.id)
  FROM (
    SELECT id FROM profiles WHERE erased_at IS NULL
    UNION SELECT id FROM disabled_people
  ) AS known WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = known.id)`;

/** Lets user say names again, and tells what it keeps of auth's people. */
export function addStates(
  { states }: Pick<Events<EventTypes, "user">, "states">,
  sql: SqlDb,
): void {
  states.says("profile", {
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${profiles} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toSaid),
    find: async (ids) =>
      (await sql.run({
        sql: `${profiles} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toSaid),
  });
  // The name of a profile is its person's, whatever they signed up under.
  states.keeps("auth", "registration", {
    whole: true,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `SELECT id FROM profiles WHERE erased_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = profiles.id)
          AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id]) => ({ subject: String(id) })),
    agrees: () => true,
  });
  states.keeps("auth", "access", {
    whole: false,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `${people} AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id, disabled]) => ({ subject: String(id), disabled: disabled === 1 })),
    agrees: ({ type }, { disabled }) => disabled === (type === "user.disabled"),
  });
}

function toSaid([id, name]: Row): Said {
  return { type: "user.profile-changed", subject: String(id), data: { name: String(name) } };
}
