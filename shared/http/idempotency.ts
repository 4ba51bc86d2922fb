import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { digest } from "../crypto/mod.ts";
import type { Passport } from "../passport/mod.ts";
import { Problem } from "../problem.ts";
import type { SqlDb, Statement } from "../sql/mod.ts";
import type { PassportEnv } from "./api.ts";

/** Options of {@link idempotent}. */
export interface IdempotencyOptions {
  /** A database with the table `idempotency_keys`. */
  readonly sql: SqlDb;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

interface Stored {
  readonly bodyHash: unknown;
  readonly body: unknown;
}

/** How long a response is stored, in milliseconds. */
const ttlMs = 86_400_000;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/**
 * Returns the first response for a repeated creation (a POST), by `Idempotency-Key`
 * (draft-ietf-httpapi-idempotency-key-header).
 *
 * Keys belong to a caller and a path and are stored for 24 hours. Only a 201 without `Set-Cookie`
 * is stored; any other response releases the key. The key of a request that crashed stays claimed:
 * a second run could have its effect twice, so the client has to check first.
 *
 * @throws {Problem} `validation_failed` for a malformed key or one that was used with another body,
 * `conflict` while the first request is in progress
 */
export function idempotent(
  { sql, now }: IdempotencyOptions,
): MiddlewareHandler<PassportEnv> {
  return createMiddleware<PassportEnv>(async function idempotent(c, next) {
    const header = c.req.header("idempotency-key");
    const caller: Passport | undefined = c.get("passport");
    // An open path has no caller, so a key would be shared by all clients.
    if (c.req.method !== "POST" || header === undefined || caller === undefined) {
      return await next();
    }
    if (!keyPattern.test(header)) throw refusal("Must be 1 to 255 visible ASCII characters");
    const key = await digest(JSON.stringify([caller.sub, c.req.path, header]));
    const bodyHash = await digest(await c.req.arrayBuffer());
    const claimed = { key, bodyHash, caller: caller.sub, now: now() };
    if (!(await claim(sql, claimed))) {
      return replay(c, await read(sql, key), bodyHash);
    }
    let keepsClaim = false;
    try {
      await next();
      const { res } = c;
      if (!c.error && res.status === 201 && !res.headers.has("set-cookie")) {
        // Before storing: a store that fails now must not free the key of a change that was made,
        // or the retry would make it twice.
        keepsClaim = true;
        await store(sql, key, await res.clone().text());
      }
    } finally {
      if (!keepsClaim) await release(sql, key);
    }
  });
}

/** One statement decides which request is first; expired keys are deleted in the same batch. */
async function claim(
  sql: SqlDb,
  { key, bodyHash, caller, now }: {
    key: string;
    bodyHash: string;
    caller: string;
    now: number;
  },
): Promise<boolean> {
  const [, claimed = []] = await sql.batch([
    deletionOfExpired(now),
    {
      sql: `INSERT INTO idempotency_keys (key, body_hash, caller, expires_at) VALUES (?, ?, ?, ?)
        ON CONFLICT DO NOTHING RETURNING key`,
      params: [key, bodyHash, caller, now + ttlMs],
    },
  ]);
  return claimed.length === 1;
}

/**
 * Deletes expired responses. Requests with a key delete them too, but in a service that gets no
 * further keys the last ones would stay for ever.
 */
export async function pruneStoredResponses(sql: SqlDb, now: number): Promise<void> {
  await sql.run(deletionOfExpired(now));
}

function deletionOfExpired(now: number): Statement {
  return { sql: "DELETE FROM idempotency_keys WHERE expires_at <= ?", params: [now] };
}

async function read(sql: SqlDb, key: string): Promise<Stored | undefined> {
  const [row] = await sql.run({
    sql: "SELECT body_hash, body FROM idempotency_keys WHERE key = ?",
    params: [key],
  });
  return row && { bodyHash: row[0], body: row[1] };
}

async function store(sql: SqlDb, key: string, body: string): Promise<void> {
  await sql.run({
    sql: "UPDATE idempotency_keys SET body = ? WHERE key = ?",
    params: [body, key],
  });
}

async function release(sql: SqlDb, key: string): Promise<void> {
  await sql.run({ sql: "DELETE FROM idempotency_keys WHERE key = ?", params: [key] });
}

function replay(c: Context, stored: Stored | undefined, bodyHash: string): Response {
  if (stored && stored.bodyHash !== bodyHash) throw refusal("Was used with another body");
  if (typeof stored?.body !== "string") {
    throw new Problem("conflict", {
      detail: "The first request with this Idempotency-Key has not finished",
      headers: { "retry-after": "1" },
    });
  }
  return c.body(stored.body, 201, { "content-type": "application/json" });
}

function refusal(message: string): Problem {
  return new Problem("validation_failed", { details: [{ path: "Idempotency-Key", message }] });
}
