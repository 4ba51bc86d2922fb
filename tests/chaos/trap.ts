import type { SqlDb, Statement } from "@edgepass/shared/sql";
import { lastWords, type Point } from "./points.ts";

/** Kills this process at a set point. */
export interface Trap {
  /** Sets the point, and replaces the previous one. */
  arm(point: Point): void;
  /** Does not return when this is the point. */
  pass(point: Point): void;
  isArmed(point: Point): boolean;
}

/** Creates a trap; its last line reports the point to the harness. */
export function createTrap(): Trap {
  let armed: Point | undefined;
  return {
    arm: (point) => void (armed = point),
    isArmed: (point) => armed === point,
    pass(point) {
      if (armed !== point) return;
      // Both calls are synchronous, so no other code of this process runs in between.
      Deno.stdout.writeSync(new TextEncoder().encode(`\n${lastWords}${point}\n`));
      Deno.kill(Deno.pid, "SIGKILL");
    },
  };
}

/** A database with the trap around its batches and event marks. */
export function trapSql(sql: SqlDb, trap: Trap): SqlDb {
  async function around<Result>(
    statements: readonly Statement[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const publishes = contains(statements, /^\s*INSERT INTO outbox\b/);
    const isEffect = contains(statements, /^\s*INSERT INTO event_versions\b/);
    if (publishes) trap.pass("before commit");
    if (isEffect) trap.pass("before effect");
    const result = await work();
    if (publishes) trap.pass("after commit");
    if (isEffect) trap.pass("after effect");
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

/** Longest time from the start of a publication to a death in its middle, in milliseconds. */
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
    const pending = fetch(input, init);
    if (trap.isArmed("mid publish")) {
      const delay = Math.random() * maxMidPublishMs;
      await Promise.race([
        pending.catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, delay)),
      ]);
      trap.pass("mid publish");
    }
    const response = await pending;
    if (response.ok) trap.pass("after publish");
    return response;
  };
}
