import * as z from "zod/mini";
import type { AlgorithmName } from "../crypto/mod.ts";

const text = z.string().check(z.minLength(1), z.maxLength(512));
const seconds = z.number().check(z.refine(Number.isSafeInteger), z.gte(0));

/** `user:<id>`, `user:<alias>:<sub>`, `svc:<name>` or `anon`. */
const subject = z.string().check(
  z.maxLength(512),
  z.regex(/^(anon|svc:[a-z0-9-]{1,64}|user:[\x21-\x7e]+)$/),
);

/** One workload that handled the request: its name, its token's id, and when. */
const link = z.object({ wl: text, jti: text, iat: seconds });

/** A subject that acts for another (RFC 8693 §4.1); the claims schema limits the depth. */
const actor: z.ZodMiniType<Actor> = z.object({
  sub: subject,
  act: z.optional(z.lazy(() => actor)),
});
export interface Actor {
  sub: string;
  act?: Actor | undefined;
}

/**
 * The claims of a Passport. Both profiles have the same, except for `pv`, and for `req_wl`, which
 * profile A requires. Members outside of the policy are dropped.
 */
export const PassportClaims = z.object({
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
/** The parsed claims of a Passport. */
export type PassportClaims = z.infer<typeof PassportClaims>;

/** A Passport lives this long at most, whatever a deployment configures. */
export const maxLifeSeconds = 300;

/** Longest Passport that a verifier accepts, in bytes. */
export const maxPassportBytes = 4096;
/** Size from which the Passport issuer warns, in bytes. */
export const warnPassportBytes = 2048;

function depth(actor: Actor | undefined): number {
  return actor === undefined ? 0 : 1 + depth(actor.act);
}

interface ProfileRules {
  /** The policy version that this code's Passport issuer writes: `pv`. */
  readonly version: string;
  /** The minor version that this code's verifier accepts; its patch versions are compatible. */
  readonly line: string;
  /** The JOSE `typ`. */
  readonly typ: string;
  /** The one algorithm of the profile's keys. */
  readonly alg: AlgorithmName;
}

/**
 * Everything that differs between the two kinds of Passport: S is policy v0.1.0, whose verifiers
 * have the signing secret; A is policy v0.2.0, whose private key the gateway alone has.
 */
export const profiles = {
  S: { version: "0.1.0", line: "0.1", typ: "passport+jwt", alg: "HS256" },
  A: { version: "0.2.0", line: "0.2", typ: "txntoken+jwt", alg: "EdDSA" },
} as const satisfies Record<string, ProfileRules>;

/** A kind of Passport. */
export type Profile = keyof typeof profiles;

/** All profiles. */
export const profileNames = Object.keys(profiles) as readonly Profile[];
