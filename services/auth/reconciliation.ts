import type { EventTypes } from "@edgepass/contracts";
import type { Events, PublishedBy, ReconciliationSource } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import { Role } from "./schema.ts";

type Published = PublishedBy<EventTypes, "auth">;

/** Lets auth publish its accounts again. */
export function addReconciliation(
  { facets }: Pick<Events<EventTypes, "auth">, "facets">,
  sql: SqlDb,
  close: (id: string) => Promise<void>,
): void {
  const people = (toEvent: ToEvent) => createPeople(sql, { toEvent, close });
  facets.publishes(
    "registration",
    people((subject, { name }) => ({ type: "user.registered", subject, data: { name } })),
  );
  facets.publishes(
    "roles",
    people((subject, { roles }) => ({ type: "user.roles-changed", subject, data: { roles } })),
  );
  facets.publishes(
    "access",
    people((subject, { disabled }) => {
      return { type: disabled ? "user.disabled" : "user.enabled", subject, data: {} };
    }),
  );
}

/** An account as published to other services. */
interface Person {
  readonly name: string;
  readonly roles: Role[];
  readonly disabled: boolean;
}

const columns = "SELECT id, name, roles, disabled FROM accounts WHERE closed_at IS NULL";

type ToEvent = (id: string, person: Person) => Published;

/**
 * Accounts that are not closed, each as one event. An account that a backup restored is closed
 * again.
 */
function createPeople(
  sql: SqlDb,
  { toEvent, close }: { readonly toEvent: ToEvent; readonly close: (id: string) => Promise<void> },
): ReconciliationSource<Published> {
  const toPublished = ([id, name, roles, disabled]: Row) =>
    toEvent(String(id), {
      name: String(name),
      roles: Role.array().parse(JSON.parse(String(roles))),
      disabled: disabled === 1,
    });
  return {
    ending: "user.deleted",
    remove: close,
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${columns} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toPublished),
    find: async (ids) =>
      (await sql.run({
        sql: `${columns} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toPublished),
  };
}
