import * as z from "zod/mini";
import type { JsonObject } from "../crypto/mod.ts";
import { text } from "./access_token.ts";
import type { AccessTokenIssuer, ClaimPath, FoundIssuer, RolesRule } from "./issuer.ts";
import type { OnPassed, RefusalReason } from "./refusal.ts";
import { encodeSubject, fitsPassport } from "./subject.ts";

/** The claims of another issuer's token, under our names. */
export interface ExternalClaims {
  readonly kind: "user" | "client";
  readonly sub: string;
  readonly isWithoutSub?: true | undefined;
  readonly tenant?: string | undefined;
  readonly hasTenantInNames?: true | undefined;
  readonly iat?: number | undefined;
  readonly exp: number;
  readonly nbf?: number | undefined;
  readonly jti?: string | undefined;
  readonly sid?: string | undefined;
  readonly roles: readonly string[];
  readonly scope: string;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

type Found = FoundIssuer<AccessTokenIssuer>;

/** Largest `extra` as JSON, in bytes: the Passport that carries it has 4 KiB at most. */
const maxExtraBytes = 512;

/** A service refuses a Passport with a longer `scope`, so it must not come that far. */
const maxScopeLength = 2048;

/** Ends the reading of claims: the first fault is the reason. */
class Fault extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(reason);
    this.reason = reason;
  }
}

/** Reads the claims of another issuer's token; the first fault is the reason of its refusal. */
export function readExternalClaims(
  payload: JsonObject,
  found: Found,
  passed: OnPassed = () => {},
): ExternalClaims | RefusalReason {
  try {
    requireConfigured(payload, found, passed);
    const claims = readClaims(payload, found);
    passed("claims");
    return claims;
  } catch (error) {
    if (error instanceof Fault) return error.reason;
    throw error;
  }
}

/** Every check that the row configures must hold. */
function requireConfigured(payload: JsonObject, { issuer, bound }: Found, passed: OnPassed): void {
  const { audience, clients, require = {}, tenants } = issuer;
  const aud = readClaim(payload, "aud");
  if (audience) requireAudience(aud, audience);
  // An ID token, or a token for another API, names its audience: it is not for this gateway.
  else if (aud !== undefined) throw new Fault("audience");
  passed("audience");
  if (clients) {
    requireOneOf(payload, clients.claim, clients.allow);
    passed("client");
  }
  for (const [name, rule] of Object.entries(require)) {
    if ("present" in rule) requirePresence(payload, name, rule.present);
    else requireOneOf(payload, name, rule);
    passed(`require:${name}`);
  }
  if (!bound) return;
  requireOneOf(payload, bound.claim, [bound.tenant]);
  if (tenants !== "any" && !tenants?.includes(bound.tenant)) {
    throw new Fault(`claim_invalid:${bound.claim}`);
  }
  passed("tenant");
}

/** The claim may be a list, which names several audiences (RFC 7519 §4.1.3). */
function requireAudience(aud: unknown, audience: readonly string[]): void {
  if (aud === undefined) throw new Fault("claim_missing:aud");
  const { data } = z.safeParse(z.union([text, z.array(text)]), aud);
  const named = typeof data === "string" ? [data] : data ?? [];
  if (!named.some((one) => audience.includes(one))) throw new Fault("audience");
}

function requireOneOf(payload: JsonObject, path: ClaimPath, values: readonly unknown[]): void {
  const value = readClaim(payload, path);
  if (value === undefined) throw new Fault(`claim_missing:${nameOf(path)}`);
  if (!values.includes(value)) throw new Fault(`claim_invalid:${nameOf(path)}`);
}

/** What no value tells apart: some ID tokens differ from access tokens by a claim that they lack. */
function requirePresence(payload: JsonObject, name: string, present: boolean): void {
  const isPresent = readClaim(payload, name) !== undefined;
  if (present && !isPresent) throw new Fault(`claim_missing:${name}`);
  if (!present && isPresent) throw new Fault(`claim_invalid:${name}`);
}

function readClaims(payload: JsonObject, found: Found): ExternalClaims {
  const { issuer: { alias, claims: map }, bound } = found;
  const exp = readTyped(payload, "exp", numericDate);
  if (exp === undefined) throw new Fault("claim_missing:exp");
  const tenant = map.tenant === undefined ? undefined : readTyped(payload, map.tenant, text);
  const owner = {
    ...readSubject(payload, found),
    ...(bound ? { tenant: bound.tenant, hasTenantInNames: true as const } : { tenant }),
  };
  if (!fitsPassport({ alias, ...owner })) {
    throw new Fault(`claim_invalid:${nameOf(map.sub ?? "sub")}`);
  }
  return {
    ...owner,
    exp,
    iat: readTyped(payload, "iat", numericDate),
    nbf: readTyped(payload, "nbf", numericDate),
    jti: readTyped(payload, map.jti ?? "jti", text),
    sid: readTyped(payload, map.sid ?? "sid", text),
    roles: readRoles(payload, map.roles ?? "roles"),
    scope: readScope(payload, map.scope ?? "scope"),
    extra: map.extra && readExtra(payload, map.extra),
  };
}

/** Where issuers name the client, by how often they do. */
const clientClaims = ["client_id", "azp", "cid", "appid"] as const;

/** A token without a subject, or whose subject is the client itself, acts for no person. */
function readSubject(payload: JsonObject, { issuer, bound }: Found) {
  const path = issuer.claims.sub ?? "sub";
  const clients = [issuer.clients?.claim, ...clientClaims]
    .map((claim) => claim === undefined ? undefined : readClaim(payload, claim))
    .filter((id) => id !== undefined);
  const [client] = clients;
  const own = readClaim(payload, path);
  if (own === undefined && client === undefined) throw new Fault(`claim_missing:${nameOf(path)}`);
  const sub = encodeSubject(own ?? client, { all: bound !== undefined });
  if (sub === undefined) throw new Fault(`claim_invalid:${nameOf(path)}`);
  if (own === undefined) return { kind: "client", sub, isWithoutSub: true } as const;
  // Issuers name the page in one claim and the program in another, as texts or as numbers.
  const isClient = clients.some((id) => String(id) === String(own));
  return { kind: isClient ? "client" : "user", sub } as const;
}

/** All roles, unless the row renames them or lists those that stay. */
function readRoles(payload: JsonObject, rule: ClaimPath | RolesRule): readonly string[] {
  const isRule = typeof rule === "object" && "from" in rule;
  if (!isRule) return readTyped(payload, rule, roles) ?? [];
  const { from, map = {}, keep, keys = false } = rule;
  const renamed = (readTyped(payload, from, keys ? memberNames : roles) ?? [])
    .map((role) => Object.hasOwn(map, role) ? map[role] ?? role : role);
  return [...new Set(renamed)].filter((role) => keep?.includes(role) ?? true);
}

function readScope(payload: JsonObject, path: ClaimPath): string {
  const found = readTyped(payload, path, scope) ?? "";
  if (found.length > maxScopeLength) throw new Fault("too_large");
  return found;
}

function readExtra(payload: JsonObject, paths: Readonly<Record<string, ClaimPath>>) {
  const found = Object.entries(paths).map(([name, path]) => [name, readClaim(payload, path)]);
  const extra = Object.fromEntries(found.filter(([, value]) => value !== undefined));
  const bytes = new TextEncoder().encode(JSON.stringify(extra)).length;
  if (bytes > maxExtraBytes) throw new Fault("too_large");
  return bytes > "{}".length ? extra : undefined;
}

/** A NumericDate in whole seconds; some issuers write fractions (RFC 7519 §2). */
const numericDate = z.pipe(
  z.number().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER)),
  z.transform((seconds: number) => Math.floor(seconds)),
);

/** A scope-token (RFC 6749 §3.3): one with a space in it would become two scopes. */
const scopeToken = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/));

/** A single role may be a text. It is never split: `Super admin` is not `admin`. */
const roles = z.pipe(
  z.transform((value: unknown) => typeof value === "string" ? [value] : value),
  z.array(text),
);

/**
 * Roles as the members of an object. One that is false is a role that the subject does not have;
 * any other value than true or an object could mean either, so the token is refused.
 */
const memberNames = z.pipe(
  z.record(text, z.nullable(z.union([z.boolean(), z.record(z.string(), z.unknown())]))),
  z.transform((members) => Object.entries(members).flatMap(([name, value]) => value ? [name] : [])),
);

/** The scope is one text (RFC 8693 §4.2) or a list. */
const scope = z.pipe(
  z.transform((value: unknown) =>
    typeof value === "string" ? value.split(" ").filter((token) => token !== "") : value
  ),
  z.pipe(z.array(scopeToken), z.transform((tokens: string[]) => tokens.join(" "))),
);

function readTyped<Value>(
  payload: JsonObject,
  path: ClaimPath,
  schema: z.ZodMiniType<Value>,
): Value | undefined {
  const value = readClaim(payload, path);
  if (value === undefined) return undefined;
  const { success, data } = z.safeParse(schema, value);
  if (!success) throw new Fault(`claim_invalid:${nameOf(path)}`);
  return data;
}

/**
 * A claim's value; undefined where it is absent, or null, which serialisers write for an absent one.
 * Follows own members only, so that no name reaches a prototype.
 */
function readClaim(payload: JsonObject, path: ClaimPath): unknown {
  const names = typeof path === "string" ? [path] : path;
  const found = names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    payload,
  );
  return found ?? undefined;
}

/** A claim's name as the row has it. */
function nameOf(path: ClaimPath): string {
  return typeof path === "string" ? path : path.join(".");
}
