import type { ServiceEvents } from "@edgepass/contracts";
import type { Row } from "@edgepass/shared/sql";
import { Role } from "./schema.ts";

/** An account as published to other services. */
interface Person {
  readonly name: string;
  readonly roles: Role[];
  readonly disabled: boolean;
}

type ToEvent = (id: string, person: Person) => ServiceEvents<"auth">["published"];

/**
 * Accounts that are not closed, which auth can publish again. An account that a backup restored is
 * closed again.
 */
export function accountReconciliation(
  close: (id: string) => Promise<void>,
): ServiceEvents<"auth">["reconciliation"] {
  const people = (toEvent: ToEvent) => ({
    query: "SELECT id, name, roles, disabled FROM accounts WHERE closed_at IS NULL",
    toEvent: ([id, name, roles, disabled]: Row) =>
      toEvent(String(id), {
        name: String(name),
        roles: Role.array().parse(JSON.parse(String(roles))),
        disabled: disabled === 1,
      }),
    ending: "user.deleted" as const,
    remove: close,
  });
  return {
    publishes: {
      registration: people((subject, { name }) => (
        { type: "user.registered", subject, data: { name } }
      )),
      roles: people((subject, { roles }) => (
        { type: "user.roles-changed", subject, data: { roles } }
      )),
      access: people((subject, { disabled }) => (
        { type: disabled ? "user.disabled" : "user.enabled", subject, data: {} }
      )),
    },
  };
}
