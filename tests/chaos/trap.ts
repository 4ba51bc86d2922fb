import type { SqlDb, Statement } from "@edgepass/shared/sql";
import { lastWords, type Point } from "./points.ts";

/** Kills this process where it was told to. */
export interface Trap {
  /** Says where, in place of what was said before. */
  arm(point: Point): void;
  /** Does not return when this is the point. */
  pass(point: Point): void;
  isArmed(point: Point): boolean;
}

/** Makes a trap whose last words tell the harness where it was sprung. */
export function createTrap(): Trap {
  let armed: Point | undefined;
  return {
    arm: (point) => void (armed = point),
    isArmed: (point) => armed === point,
    pass(point) {
      if (armed !== point) return;
      // Both calls are synchronous, so nothing of this process comes in between.
      Deno.stdout.writeSync(new TextEncoder().encode(`\n${lastWords}${point}\n`));
      Deno.kill(Deno.pid, "SIGKILL");
    },
  };
}

/** A database around whose batches and marks of events the trap stands. */
export function trapSql(sql: SqlDb, trap: Trap): SqlDb {
  async function around<Result>(
    statements: readonly Statement[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const publishes = contains(statements, /^\s*INSERT INTO outbox\b/);
    const hears = contains(statements, /^\s*INSERT INTO event_versions\b/);
    if (publishes) trap.pass("before commit");
    if (hears) trap.pass("before effect");
    const result = await work();
    if (publishes) trap.pass("after commit");
    if (hears) trap.pass("after effect");
    if (contains(statements, /^\s*UPDATE outbox SET published_at\b/)) trap.pass("after mark");
    return result;
  }
  return {
    run: (statement) => around([statement], () => sql.run(statement)),
    batch: (statements) => around(statements, () => sql.batch(statements)),
  };
}

function contains(statements: readonly Statement[], pattern: RegExp): boolean {
  return statements.some(({ sql }) => pattern.test(sql));
}

/** Longest time between the start of a publication and a death in its middle, in milliseconds. */
const maxMidPublishMs = 12;

/** A `fetch` with the trap around every publication to this QStash. */
export function trapFetch(fetch: typeof globalThis.fetch, qstashUrl: string, trap: Trap) {
  return async function trapped(
    input: RequestInfo | URL,
    init?: RequestInit,
  ): Promise<Response> {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(`${qstashUrl}/v2/batch`)) return await fetch(input, init);
    trap.pass("before publish");
    const answer = fetch(input, init);
    if (trap.isArmed("mid publish")) {
      const delay = Math.random() * maxMidPublishMs;
      await Promise.race([
        answer.catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, delay)),
      ]);
      trap.pass("mid publish");
    }
    const response = await answer;
    if (response.ok) trap.pass("after publish");
    return response;
  };
}
