import type { Logger } from "@edgepass/shared/telemetry";
import { Problem, type ProblemDetail } from "@edgepass/shared/problem";
import type { RevocationLevel } from "@edgepass/shared/redis";
import { isTenant, readSubject } from "@edgepass/shared/tokens";
import type { RevocationWriter } from "./revocations.ts";
import {
  type IssuerRevocationStore,
  type LoggedRevocation,
  targetOf,
} from "./store/revocations.ts";
import type { AuditEntry } from "./store/statements.ts";

/** An issuer whose tokens may be revoked here. */
export interface RevocableIssuer {
  /** Its alias at the gateway. */
  readonly alias: string;
  /** Longest life of its tokens. */
  readonly maxLifeSeconds: number;
  /** Whether its names are a tenant's, `<tenant>:<name>`, as with a template. */
  readonly hasTenants?: boolean;
}

/** What an administrator revokes. */
export interface RevocationRequest {
  readonly issuer: string;
  readonly level: RevocationLevel;
  readonly id: string;
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined;
  readonly reason?: string | undefined;
  readonly actorId: string;
}

/** A revocation of one issuer's tokens; times are epoch milliseconds. */
export interface IssuerRevocation {
  readonly issuer: string;
  readonly level: RevocationLevel;
  readonly id: string;
  /** Of a subject: tokens with an earlier `iat` are revoked. */
  readonly issuedBefore: number | null;
  readonly expiresAt: number;
  readonly position: number;
  readonly revokedAt: number | null;
  readonly revokedBy: string | null;
  readonly reason: string | null;
}

export interface IssuerRevocations {
  /**
   * Revokes, and returns when every gateway refuses. The same again may extend it.
   *
   * @throws {Problem} `validation_failed`; `revocation_unavailable` when it is logged but Redis did
   *   not receive it: a retry, or the scheduled maintenance, continues where it stopped
   */
  revoke(request: RevocationRequest): Promise<IssuerRevocation>;
  /** Revocations that have not expired, newest first. */
  list(page: { before?: number; limit: number }): Promise<IssuerRevocation[]>;
  /** Changes by administrators and by the control plane itself, newest first. */
  listAudit(page: { before?: string; limit: number }): Promise<AuditEntry[]>;
}

export interface IssuerRevocationsOptions {
  readonly store: IssuerRevocationStore;
  readonly issuers: readonly RevocableIssuer[];
  readonly announce: RevocationWriter["announce"];
  readonly leewaySeconds: number;
  readonly log: Logger;
  readonly now: () => number;
  readonly newId: () => string;
}

const dayMs = 86_400_000;
/** An issuer may sign further tokens for a revoked login, or with a revoked key. */
const lastingMs = 30 * dayMs;
/** The list must not grow for ever: each entry is in the memory of Redis. */
const maxMs = 366 * dayMs;
/** Gateway clocks may differ by more than the leeway; an entry must not expire early. */
const marginSeconds = 60;

/** Creates the revocation of tokens by API, for issuers that have no part in this installation. */
export function createIssuerRevocations(options: IssuerRevocationsOptions): IssuerRevocations {
  const { store, issuers, announce, leewaySeconds, log, now, newId } = options;
  const byAlias = new Map(issuers.map((issuer) => [issuer.alias, issuer]));

  /** When no token can be valid any more that is valid now, or that a fast clock issued. */
  function ageOut(at: number, { maxLifeSeconds }: RevocableIssuer): number {
    return at + (maxLifeSeconds + 2 * leewaySeconds + marginSeconds) * 1000;
  }

  /** An unknown alias names no token: the response would declare a revocation without an effect. */
  function requireIssuer(alias: string): RevocableIssuer {
    const issuer = byAlias.get(alias);
    if (issuer) return issuer;
    throw refusal("issuer", `must be one of ${[...byAlias.keys()].join(", ")}`);
  }

  function requireExpiry(
    { level, expiresAt }: RevocationRequest,
    issuer: RevocableIssuer,
    at: number,
  ): number {
    const first = ageOut(at, issuer);
    const last = Math.max(first, at + maxMs);
    const isLasting = level === "login" || level === "key";
    const chosen = expiresAt ?? Math.max(first, isLasting ? at + lastingMs : first);
    // A shorter revocation would end before the tokens that it revokes.
    if (chosen >= first && chosen <= last) return chosen;
    const [from, to] = [first, last].map((time) => new Date(time).toISOString());
    throw refusal("expiresAt", `must be from ${from}, when the tokens have expired, to ${to}`);
  }

  return {
    async revoke(request) {
      const { level, actorId, reason } = request;
      const at = now();
      const issuer = requireIssuer(request.issuer);
      const expiresAt = requireExpiry(request, issuer, at);
      const id = `${issuer.alias}:${readId(request, issuer)}`;
      // An issuer's clock may be ahead by the leeway: its newest token must be revoked too.
      const value = level === "subject" ? Math.floor(at / 1000) + leewaySeconds + 1 : 1;
      const targetId = targetOf(level, id);
      const what = reason === undefined ? revoked : `${revoked}: ${reason}`;
      const audit = { id: newId(), at, actorId, targetId, what };
      await store.insert({ level, id, value, expiresAt }, audit);
      log.info("Tokens revoked", { audit: revoked, actorId, targetId });
      await announce(level, id);
      const logged = await store.find(level, id);
      if (!logged) throw new TypeError("Cannot read a revocation that was just logged");
      return toIssuerRevocation(logged);
    },
    async list(page) {
      return (await store.list({ ...page, now: now() })).map(toIssuerRevocation);
    },
    listAudit: (page) => store.listAudit(page),
  };
}

/** As long as a claim may be; a subject in its encoding too, or no Passport could have it. */
const maxIdLength = 512;

/** The name that is revoked, as it is in Redis. */
function readId(
  { level, id }: RevocationRequest,
  { hasTenants = false }: RevocableIssuer,
): string {
  // A key signs for all tenants.
  if (level === "key") return id;
  const end = hasTenants ? id.indexOf(":") : -1;
  if (hasTenants && !isTenant(id.slice(0, Math.max(end, 0)))) {
    throw refusal("id", "must begin with its tenant and a colon");
  }
  const [tenant, name] = [id.slice(0, end + 1), id.slice(end + 1)];
  const own = level === "subject" ? readSubject(name, { all: hasTenants }) : name;
  const isUsable = own !== undefined && own !== "" && tenant.length + own.length <= maxIdLength;
  if (!isUsable) throw refusal("id", `is no ${level} of a token`);
  return tenant + own;
}

const revoked = "revoked";

function refusal(path: string, message: string): Problem {
  const details: ProblemDetail[] = [{ path, message }];
  return new Problem("validation_failed", { details });
}

/** An alias has no colon, so the first one ends it. */
function toIssuerRevocation(
  { level, id, value, expiresAt, position, at, actorId, what }: LoggedRevocation,
): IssuerRevocation {
  const end = id.indexOf(":");
  return {
    issuer: id.slice(0, end),
    level,
    id: id.slice(end + 1),
    issuedBefore: level === "subject" ? value * 1000 : null,
    expiresAt,
    position,
    revokedAt: at,
    revokedBy: actorId,
    reason: what?.startsWith(`${revoked}: `) ? what.slice(revoked.length + 2) : null,
  };
}
