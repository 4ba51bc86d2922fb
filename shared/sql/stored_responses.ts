import { sql as text } from "drizzle-orm";
import type { Orm } from "./orm.ts";

/** The Passport's `sub` for a person with an account of this installation. */
const toCaller = (id: string) => `user:${id}`;

/**
 * The statement that deletes a person's stored idempotent responses, and those of other callers
 * that contain the person's id, for the batch that erases the person.
 *
 * The table is `idempotency_keys`. A sign-up has no account yet as its caller, so its response,
 * which has the e-mail address, is found by the id in its body.
 */
export function deleteStoredResponses(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys
    WHERE caller = ${toCaller(id)} OR instr(body, ${id}) > 0`);
}

/** The statement that deletes a deleted person's own stored responses; no other caller's. */
export function deleteResponsesTo(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys WHERE caller = ${toCaller(id)}`);
}
