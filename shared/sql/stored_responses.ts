import { sql as text } from "drizzle-orm";
import type { Orm } from "./orm.ts";

/** As a Passport names a person whose account is of this installation. */
const toCaller = (id: string) => `user:${id}`;

/**
 * The statement that deletes a person's stored idempotent responses and those of others that name
 * them, for the batch that erases the person.
 *
 * The table is that of `idempotency_keys`. Whoever signs up has no account yet, so the response that
 * has their e-mail address is found by the id in it.
 */
export function deleteStoredResponses(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys
    WHERE caller = ${toCaller(id)} OR instr(body, ${id}) > 0`);
}

/** The statement that deletes what a person who has ended was answered; of other subjects nothing. */
export function forgetAnswersTo(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys WHERE caller = ${toCaller(id)}`);
}
