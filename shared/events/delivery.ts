import { sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { digest, readJsonObject } from "../crypto/encoding.ts";
import { type Jws, readJws, type VerificationKey, verifyJws } from "../crypto/jws.ts";
import { importSecret } from "../crypto/keys.ts";
import { endFacet, type EventTable, type ReadEvent } from "./cloud_event.ts";
import type { DeletionOf } from "./sequences.ts";
import { type SqlDb, UniqueViolation, VersionConflict } from "../sql/statement.ts";
import { type Changes, orm } from "../sql/store.ts";

/** A longer token is refused before any cryptographic work. */
const maxTokenBytes = 4096;
/** QStash's tokens are valid for five minutes; a token with a longer life is not from QStash. */
const maxLifeSeconds = 300;

const time = z.number().check(z.refine(Number.isFinite));

const Claims = z.object({
  iss: z.literal("Upstash"),
  sub: z.string(),
  exp: time,
  nbf: time,
  iat: time,
  jti: z.string().check(z.minLength(1)),
  body: z.string().check(z.minLength(1)),
});

/** A delivery as it was received. */
export interface SignedMessage {
  /** The header `Upstash-Signature`. */
  readonly signature: string | undefined;
  /** The bytes of the body. */
  readonly body: ArrayBuffer;
  /** The public URL that `sub` must name: from the configuration, never from the request. */
  readonly url: string;
}

/** Returns why a message is not from QStash, for the log only; undefined if it is from QStash. */
export type SignatureCheck = (message: SignedMessage) => Promise<string | undefined>;

/** Options of {@link createSignatureCheck}. */
export interface SignatureOptions {
  /** The current and the next signing key, as QStash shows them. */
  readonly keys: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Tolerated clock difference. */
  readonly leewaySeconds?: number;
}

/**
 * Creates the check of `Upstash-Signature`.
 *
 * The official Receiver accepts HS384 and HS512, tokens without `exp` or `jti`, and by default any
 * `sub`. Here all of these are required. Replays are not detected here but by the inbox. `body` may
 * have base64 padding, as QStash writes it.
 */
export function createSignatureCheck(
  { keys, now, leewaySeconds = 5 }: SignatureOptions,
): SignatureCheck {
  let imported: Promise<readonly VerificationKey[]> | undefined;
  return async function checkSignature({ signature, body, url }) {
    if (keys.length === 0) return "no keys";
    if (signature === undefined) return "no signature";
    const jws = readJws(signature, maxTokenBytes);
    if (!jws) return "not a JWS";
    if (!isOurHeader(jws)) return "header";
    imported ??= importKeys(keys);
    if (!await isSigned(jws, await imported)) return "signature";
    const claims = z.safeParse(Claims, readJsonObject(jws.payload));
    if (!claims.success) return "claims";
    const { sub, exp, nbf, iat } = claims.data;
    if (sub !== url) return "sub";
    if (exp <= iat || exp - iat > maxLifeSeconds) return "life";
    const seconds = now() / 1000;
    if (exp + leewaySeconds <= seconds) return "expired";
    if (nbf - leewaySeconds > seconds || iat - leewaySeconds > seconds) return "not yet";
    return await isDigest(claims.data.body, body) ? undefined : "body";
  };
}

/** A token with `crit` is refused: no critical extension is supported (RFC 7515 §4.1.11). */
function isOurHeader({ header }: Jws): boolean {
  const { alg, typ = "JWT", crit } = header;
  return alg === "HS256" && typ === "JWT" && crit === undefined;
}

async function isSigned(jws: Jws, keys: readonly VerificationKey[]): Promise<boolean> {
  for (const key of keys) {
    if (await verifyJws(jws, key)) return true;
  }
  return false;
}

/** The key is the UTF-8 text itself; it is not base64-decoded. */
async function importKeys(keys: readonly string[]): Promise<readonly VerificationKey[]> {
  const encoder = new TextEncoder();
  return await Promise.all(
    keys.map((key, at) =>
      importSecret({ kid: String(at), secret: encoder.encode(key) }, ["verify"])
    ),
  );
}

async function isDigest(claim: string, body: ArrayBuffer): Promise<boolean> {
  return claim.replace(/={1,2}$/, "") === await digest(body);
}

/** Status of an event in a consumer's database before its effect is applied. */
export type InboxStatus = "new" | "duplicate" | "stale";

/** The events that a service has received. */
export interface Inbox {
  /** Whether an event still needs its effect; only a hint, `apply` checks again in its batch. */
  inboxStatus(event: ReadEvent): Promise<InboxStatus>;
  /**
   * Writes the effect and the inbox row in one batch, both or neither.
   *
   * `conflict`: a guard of the effect failed, or a concurrent delivery was faster; `inboxStatus`
   * then shows which.
   */
  apply(
    event: ReadEvent,
    effect: Changes,
    now: number,
  ): Promise<"applied" | InboxStatus | "conflict">;
  /** Deletes rows received before a time; `event_versions` still detects old events. */
  prune(before: number): Promise<void>;
}

/**
 * The inbox in a service's own database; `deletionOf` returns the other statements that delete rows
 * of a deleted subject.
 */
export function sqlInbox(sql: SqlDb, deletionOf: DeletionOf = () => []): Inbox {
  const db = orm(sql);
  return {
    async inboxStatus({ id, source, subject, facet, sequence }) {
      const [row = []] = await sql.run({
        sql: `SELECT
          EXISTS (SELECT 1 FROM inbox WHERE event_id = ?) AS received,
          EXISTS (SELECT 1 FROM ended_subjects WHERE subject = ?) OR EXISTS (
            SELECT 1 FROM event_versions
            WHERE source = ? AND subject = ? AND aspect = ? AND sequence >= ?) AS stale`,
        params: [id, subject, source, subject, facet, sequence],
      });
      const [received, stale] = row;
      if (received === 1) return "duplicate";
      return stale === 1 ? "stale" : "new";
    },
    async apply({ id, source, subject, facet, sequence }, effect, now) {
      const ending = facet === endFacet
        ? [
          db.run(text`INSERT INTO ended_subjects (subject, ended_at) VALUES (${subject}, ${now})`),
          // This service's own events about the subject may name a person and are stale everywhere.
          db.run(text`DELETE FROM outbox WHERE subject = ${subject}`),
          ...deletionOf(db, subject),
        ]
        : [];
      try {
        await db.batch([
          db.run(text`INSERT INTO inbox (event_id, received_at) VALUES (${id}, ${now})`),
          db.run(text`INSERT INTO event_versions (source, subject, aspect, sequence)
            SELECT ${source}, ${subject}, ${facet}, ${sequence}
            WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = ${subject})
            ON CONFLICT (source, subject, aspect) DO UPDATE SET sequence = excluded.sequence
            WHERE excluded.sequence > event_versions.sequence`),
          db.requireOneChange(),
          ...ending,
          ...effect,
        ]);
        return "applied";
      } catch (error) {
        if (error instanceof VersionConflict) return "conflict";
        if (error instanceof UniqueViolation && error.columns === "inbox.event_id") {
          return "duplicate";
        }
        throw error;
      }
    },
    async prune(before) {
      await sql.run({
        sql: `DELETE FROM inbox WHERE event_id IN
          (SELECT event_id FROM inbox WHERE received_at < ? ORDER BY received_at LIMIT 1000)`,
        params: [before],
      });
    },
  };
}

/** Returns the statements of an event's effect. A handler may read, but must not write itself. */
export type Handler = (event: ReadEvent) => Changes | Promise<Changes>;

/** The event handlers of a service. */
export interface Handlers {
  /** By type. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** @throws {TypeError} for a type of other consumers, or one that has a handler already */
  on(type: string, handler: Handler): void;
  /** @throws {TypeError} naming the types without a handler */
  requireHandlers(): void;
}

/** Creates the registry of a service's handlers, for the types it consumes by the table. */
export function createHandlers(service: string, table: EventTable): Handlers {
  const handlers = new Map<string, Handler>();
  const consumed = Object.keys(table).filter((type) => table[type]?.consumers.includes(service));
  return {
    handlers,
    on(type, handler) {
      if (!consumed.includes(type)) {
        throw new TypeError(`Cannot handle ${type}: not for ${service}`);
      }
      if (handlers.has(type)) throw new TypeError(`Cannot handle ${type} twice`);
      handlers.set(type, handler);
    },
    requireHandlers() {
      const missing = consumed.filter((type) => !handlers.has(type));
      if (missing.length === 0) return;
      throw new TypeError(`Cannot start: ${service} has no handler for ${missing.join(", ")}`);
    },
  };
}
