import type { Attributes } from "./api.ts";
import { readStored, readText } from "./cells.ts";
import type { Database } from "./database.ts";
import type { RequestFacts } from "./request_facts.ts";

/** The gateway's step that checks an access token. */
export const verifySpan = "gateway.verify";

/**
 * The facts of a request with the subject of its token, where its own span does not name it.
 *
 * The gateway names the caller on the span of the request only once its token was accepted. Its own
 * endpoints (`/admin/keys`) never do, nor does a refusal of a revoked token: the step that verified
 * the token has the subject all the same. A caller whose token was unusable on an optional route
 * was served as anonymous and stays that.
 */
export function withIdentity(db: Database, request: number, facts: RequestFacts): RequestFacts {
  if (facts.sub !== null || !facts.isSpan) return facts;
  const row = db.get(
    `SELECT v.attributes AS verified, s.attributes AS served FROM spans v
     JOIN spans s ON s.request = v.request AND s.span_id = v.parent_id
     WHERE v.request = ? AND v.name = ? AND v.service = 'gateway'
       AND s.service = 'gateway' AND s.kind = 'server' AND s.start = ?`,
    request,
    verifySpan,
    facts.time,
  );
  if (!row) return facts;
  const served = readStored<Attributes>(readText(row, "served"));
  if (served["edgepass.rule"] === "optional") return facts;
  const verified = readStored<Attributes>(readText(row, "verified"));
  const { "user.id": sub, "edgepass.issuer": issuer } = verified;
  if (typeof sub !== "string" || sub === "") return facts;
  return { ...facts, sub, issuer: typeof issuer === "string" ? issuer : null };
}
