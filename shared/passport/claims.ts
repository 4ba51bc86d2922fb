import * as z from "zod/mini";
import type { AlgorithmName, JsonObject } from "../crypto/mod.ts";
import { AnySubject, FirstSubject } from "./subject.ts";

const text = z.string().check(z.minLength(1), z.maxLength(512));
const seconds = z.number().check(z.refine(Number.isSafeInteger), z.gte(0));

/** One workload that handled the request: its name, its token's id, and when. */
const link = z.object({ wl: text, jti: text, iat: seconds });

/** A subject that acts for another (RFC 8693 §4.1); the claims schema limits the depth. */
export interface Actor {
  sub: string;
  act?: Actor | undefined;
}

function actorOf(subject: z.ZodMiniType<string>): z.ZodMiniType<Actor> {
  const actor: z.ZodMiniType<Actor> = z.object({
    sub: subject,
    act: z.optional(z.lazy(() => actor)),
  });
  return actor.check(z.refine((value) => depth(value) <= 4));
}

function depth(actor: Actor | undefined): number {
  return actor === undefined ? 0 : 1 + depth(actor.act);
}

function firstClaims(subject: z.ZodMiniType<string>) {
  return {
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
    act: z.optional(actorOf(subject)),
    chain: z.optional(z.array(link).check(z.maxLength(8))),
  };
}

/** The claims that policies 0.1.0 and 0.2.0 have. */
export const FirstPassportClaims = z.object(firstClaims(FirstSubject));

/** Longest `ext` of a Passport, in bytes of its JSON. */
export const maxExtBytes = 512;

/** Further claims of another issuer's token, by the names that the gateway's settings give them. */
const Ext = z.record(z.string(), z.unknown()).check(
  z.refine((ext) => new TextEncoder().encode(JSON.stringify(ext)).length <= maxExtBytes),
);

/**
 * The claims of a Passport since policies 0.1.1 and 0.2.1. Both profiles have the same, except for
 * `pv`, and for `req_wl`, which profile A requires. Members outside of the policy are dropped.
 */
export const PassportClaims = z.object({ ...firstClaims(AnySubject), ext: z.optional(Ext) });
/** The parsed claims of a Passport. */
export type PassportClaims = z.infer<typeof PassportClaims>;

/**
 * Parses a Passport's claims as its own version defines them; undefined for invalid ones. What
 * version 0.1.0 does not have means nothing in a Passport of it, so no later rule may apply there.
 */
export function readPassportClaims(payload: JsonObject | undefined): PassportClaims | undefined {
  const isFirst = typeof payload?.pv === "string" && payload.pv.endsWith(".0");
  return z.safeParse(isFirst ? FirstPassportClaims : PassportClaims, payload).data;
}

/** A Passport lives this long at most, whatever a deployment configures. */
export const maxLifeSeconds = 300;

/** Longest Passport that a verifier accepts, in bytes. */
export const maxPassportBytes = 4096;
/** Size from which the Passport issuer warns, in bytes. */
export const warnPassportBytes = 2048;

interface ProfileRules {
  /** The policy versions that the gateway can sign, by their patch. */
  readonly versions: readonly [first: PolicyVersion, clients: PolicyVersion];
  /** The minor version that this code's verifier accepts; its patch versions are compatible. */
  readonly line: string;
  /** The JOSE `typ`. */
  readonly typ: string;
  /** The one algorithm of the profile's keys. */
  readonly alg: AlgorithmName;
}

/** Every version of the policy. */
export const policyVersions = ["0.1.0", "0.1.1", "0.2.0", "0.2.1"] as const;
/** A version of the policy. */
export type PolicyVersion = (typeof policyVersions)[number];

/**
 * Everything that differs between the two kinds of Passport: the verifiers of S (policies 0.1.0 and
 * 0.1.1) have the signing secret; of A (0.2.0 and 0.2.1) the gateway alone has the private key.
 */
export const profiles = {
  S: { versions: ["0.1.0", "0.1.1"], line: "0.1", typ: "passport+jwt", alg: "HS256" },
  A: { versions: ["0.2.0", "0.2.1"], line: "0.2", typ: "txntoken+jwt", alg: "EdDSA" },
} as const satisfies Record<string, ProfileRules>;

/**
 * The last number of a version. Versions of both profiles with the same one have the same claims,
 * so it alone decides what a Passport may say.
 */
export type PolicyPatch = 0 | 1;

/** The patch of a version; the line is the profile's, and not chosen by it. */
export function patchOf(version: PolicyVersion): PolicyPatch {
  return version.endsWith(".0") ? 0 : 1;
}

/** A kind of Passport. */
export type Profile = keyof typeof profiles;

/** All profiles. */
export const profileNames = Object.keys(profiles) as readonly Profile[];
