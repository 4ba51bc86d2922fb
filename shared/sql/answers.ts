import { sql as text } from "drizzle-orm";
import type { Orm } from "./orm.ts";

/**
 * The statement that forgets the kept answers in which an id occurs, for the batch that erases whose
 * it is.
 *
 * The table is that of `idempotency_keys`. Its keys are digests, so an answer is found by what it
 * says and by nothing else.
 */
export function forgetAnswers(db: Orm, id: string): ReturnType<Orm["run"]> {
  return db.run(text`DELETE FROM idempotency_keys WHERE instr(body, ${id}) > 0`);
}
