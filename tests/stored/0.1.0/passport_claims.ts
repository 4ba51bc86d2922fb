import * as z from "zod/mini";

/**
 * What a verifier of version 0.1.0 does with a payload whose signature holds: its schema and its
 * checks of claims, as they were released. Never edit it: services of that version still run.
 */

const text = z.string().check(z.minLength(1), z.maxLength(512));
const seconds = z.number().check(z.refine(Number.isSafeInteger), z.gte(0));

/** `user:<id>`, `user:<alias>:<sub>`, `svc:<name>` or `anon`. */
const subject = z.string().check(
  z.maxLength(512),
  z.regex(/^(anon|svc:[a-z0-9-]{1,64}|user:[\x21-\x7e]+)$/),
);

/** One workload that touched the request: who, with which token, when. */
const link = z.object({ wl: text, jti: text, iat: seconds });

/** A subject that acts for another (RFC 8693 §4.1); depth is counted by the caller. */
const actor: z.ZodMiniType<Actor> = z.object({
  sub: subject,
  act: z.optional(z.lazy(() => actor)),
});
interface Actor {
  sub: string;
  act?: Actor | undefined;
}

/**
 * The claims of a Passport, the same in each profile but for `pv`, and `req_wl`, which profile A
 * requires. Members the policy does not know are dropped.
 */
const PassportClaims = z.object({
  pv: z.string().check(z.regex(/^(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}$/)),
  iss: text,
  aud: text,
  iat: seconds,
  exp: seconds,
  jti: text,
  txn: z.string().check(z.regex(/^(?!0{32})[0-9a-f]{32}$/)),
  sub: subject,
  sid: z.optional(text),
  roles: z.array(text),
  scope: z.string().check(z.maxLength(2048)),
  uv: z.optional(seconds),
  cfg: seconds,
  req_wl: z.optional(text),
  tenant: z.optional(text),
  act: z.optional(actor.check(z.refine((value) => depth(value) <= 4))),
  chain: z.optional(z.array(link).check(z.maxLength(8))),
});
/** The claims of a Passport, read. */
type PassportClaims = z.infer<typeof PassportClaims>;

function depth(actor: Actor | undefined): number {
  return actor === undefined ? 0 : 1 + depth(actor.act);
}

/** The claims that such a verifier hands to its service; undefined where it refuses the Passport. */
export function readAs010(payload: unknown, line: "0.1" | "0.2"): PassportClaims | undefined {
  const { data: claims } = z.safeParse(PassportClaims, payload);
  if (!claims) return undefined;
  const { sub, sid, uv, req_wl, pv } = claims;
  if (line === "0.2" && req_wl === undefined) return undefined;
  const isOurs = sub.startsWith("user:") && !sub.slice("user:".length).includes(":");
  if (isOurs && (sid === undefined || uv === undefined)) return undefined;
  return pv.slice(0, pv.lastIndexOf(".")) === line ? claims : undefined;
}
