import type { EventTypes } from "@edgepass/contracts";
import type { Events, SaidBy, StateSource } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import { Role } from "./schema.ts";

type Said = SaidBy<EventTypes, "auth">;

/** Lets auth say again what it knows of people. */
export function addStates(
  { states }: Pick<Events<EventTypes, "auth">, "states">,
  sql: SqlDb,
): void {
  states.says(
    "registration",
    people(sql, (subject, { name }) => ({ type: "user.registered", subject, data: { name } })),
  );
  states.says(
    "roles",
    people(sql, (subject, { roles }) => ({ type: "user.roles-changed", subject, data: { roles } })),
  );
  states.says(
    "access",
    people(sql, (subject, { disabled }) => {
      return { type: disabled ? "user.disabled" : "user.enabled", subject, data: {} };
    }),
  );
}

/** An account, as far as others hear of it. */
interface Person {
  readonly name: string;
  readonly roles: Role[];
  readonly disabled: boolean;
}

const columns = "SELECT id, name, roles, disabled FROM accounts WHERE closed_at IS NULL";

/** Accounts that are not closed, each as one event. */
function people(sql: SqlDb, say: (id: string, person: Person) => Said): StateSource<Said> {
  const toSaid = ([id, name, roles, disabled]: Row) =>
    say(String(id), {
      name: String(name),
      roles: Role.array().parse(JSON.parse(String(roles))),
      disabled: disabled === 1,
    });
  return {
    ending: "user.deleted",
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${columns} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toSaid),
    find: async (ids) =>
      (await sql.run({
        sql: `${columns} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toSaid),
  };
}
