import type { TokenInspection, TokenInspector } from "@edgepass/gateway";
import { type AccessTokenIssuer, type ClaimPath, maxBytesOf } from "@edgepass/shared/tokens";
import { clean, cut } from "../terminal/text.ts";

/** What a report is made of besides the token. */
export interface CheckOptions {
  readonly inspector: Omit<TokenInspector, "inspect">;
  /** In bytes. */
  readonly size: number;
  /** Whether values of personal claims are shown too. */
  readonly showsAll: boolean;
  /** Epoch milliseconds. */
  readonly now: number;
}

type Describe = (
  inspection: TokenInspection,
  options: CheckOptions,
  name: string,
) => readonly [expected: string, seen?: string];

/** What a check expects, by the issuer's row, and what the token has. */
export const describers: Readonly<Record<string, Describe>> = {
  structure: ({ claims }) => [
    "three parts in base64url, the first two JSON objects",
    claims ? "" : "something else",
  ],
  issuer: ({ issuer, claims }, { inspector: { issuers } }) => [
    issuer?.iss ??
      (issuers.map(({ iss }) => iss).join(" or ") || "a row in ISSUERS, which is empty"),
    show(claims?.iss),
  ],
  size: ({ issuer }, { size }) => [
    issuer ? `${maxBytesOf(issuer)} bytes at most` : "no more bytes than any row allows",
    `${size} bytes`,
  ],
  header: ({ header }) => [
    "none of jwk, jku, x5u, crit, b64, zip, enc",
    Object.keys(header ?? {}).join(", ") || "no header",
  ],
  typ: ({ issuer, header }) => [
    issuer?.alias === undefined ? "at+jwt" : anyOf(issuer.typ.map((typ) => typ || "none")),
    show(header?.typ, "none"),
  ],
  algorithm: ({ issuer, header }) => [
    anyOf(issuer?.algorithms ?? ["that of the row"]),
    show(header?.alg),
  ],
  key: ({ header, outcome }) => [
    "one key of the issuer's set",
    "unavailable" in outcome
      ? `no key set: ${outcome.unavailable}`
      : header?.kid === undefined
      ? "no kid"
      : `kid ${show(header.kid)}`,
  ],
  signature: ({ checks }) => [
    "to be made by that key, of this header and these claims",
    checks.some(({ check, state }) => check === "signature" && state === "failed")
      ? "made by another key, or of other parts"
      : "",
  ],
  audience: ({ issuer, claims }) => [
    issuer?.audience ? anyOf(issuer.audience) : "no aud, because the row has clients alone",
    show(claims?.aud),
  ],
  client: ({ issuer, claims }) => {
    const { claim = "", allow = [] } = issuer?.clients ?? {};
    return [`${nameOf(claim)}: ${anyOf(allow)}`, show(lookUp(claims, claim))];
  },
  require: ({ issuer, claims }, options, name) => [
    describeRequirement(issuer?.require?.[name]),
    personal.has(name) && !options.showsAll ? hidden(claims?.[name]) : show(claims?.[name]),
  ],
  tenant: ({ issuer, claims }) => {
    const name = /\{(.+)\}/.exec(issuer?.iss ?? "")?.[1] ?? "tenant";
    const listed = issuer?.tenants === "any" ? "any" : anyOf(issuer?.tenants ?? []);
    return [`${name} as in iss: ${listed}`, show(claims?.[name])];
  },
  claims: ({ issuer, claims, outcome, checks }) => [
    issuer?.alias === undefined
      ? "every claim of our own tokens"
      : `exp, sub or a client, each in its form${describeMap(issuer, claims)}`,
    checks.some(({ check, state }) => check === "claims" && state === "failed") &&
      "reason" in outcome
      ? describeFault(outcome.reason, claims)
      : "",
  ],
  life: ({ issuer, claims }) => [
    `${issuer?.maxLifeSeconds === undefined ? "the row's" : lifeOf(issuer)} s at most`,
    typeof claims?.exp !== "number"
      ? "no exp"
      : typeof claims.iat === "number"
      ? `${Math.floor(claims.exp) - Math.floor(claims.iat)} s`
      : "no iat: what is left of it",
  ],
  start: ({ claims }, { now, inspector: { leewaySeconds } }) => [
    `iat and nbf not in the future, by ${leewaySeconds} s`,
    ["iat", "nbf"].map((name) => `${name} ${when(claims?.[name], now)}`).join(", "),
  ],
  end: ({ claims }, { now, inspector: { leewaySeconds } }) => [
    `exp not in the past, by ${leewaySeconds} s`,
    when(claims?.exp, now),
  ],
  passport: ({ outcome }, { inspector: { policy } }) => [
    `a Passport of policy ${policy}, of 4096 bytes at most`,
    "identity" in outcome
      ? outcome.identity.sub
      : "reason" in outcome && outcome.reason === "claim_invalid:sub"
      ? "a client, which Passports can carry from PASSPORT_POLICY=0.1.1 on"
      : "bytes" in outcome
      ? `${outcome.bytes} bytes`
      : "",
  ],
  revocation: ({ checks, outcome }) => [
    "no entry of its jti, sid, subject and key",
    "reason" in outcome && outcome.reason.startsWith("revoked:")
      ? outcome.reason
      : checks.find(({ check }) => check === "revocation")?.state === "passed"
      ? "none"
      : "no list of revocations: Redis is not among the settings, or does not respond",
  ],
};

function lifeOf({ alias, maxLifeSeconds }: AccessTokenIssuer): number {
  return alias === undefined ? Math.min(maxLifeSeconds, 900) : maxLifeSeconds;
}

/**
 * Where the row says that claims are, as JSON: "a.b" is one name with a dot, and a path is a list.
 * A claim that is not there is no error, so this line names it.
 */
function describeMap(
  { claims: { roles, extra = {}, ...others } }: AccessTokenIssuer,
  claims?: object,
) {
  const isRule = typeof roles === "object" && "from" in roles;
  const further = Object.entries(extra).map(([name, path]) => [`extra.${name}`, path] as const);
  const paths = [...Object.entries({ ...others, roles: isRule ? roles.from : roles }), ...further];
  const mapped = paths.flatMap(([name, path]) => {
    if (path === undefined) return [];
    const missing = lookUp(claims, path) === undefined ? ": no such claim in this token" : "";
    return [`${name} in ${clean(JSON.stringify(path))}${missing}`];
  });
  return mapped.length === 0 ? "" : ` (${mapped.join(", ")})`;
}

/** What a token has instead of a claim that fits; never its value. */
function describeFault(reason: string, claims: object | undefined): string {
  const [, kind, name = ""] = /^(claim_missing|claim_invalid):(.*)$/s.exec(reason) ?? [];
  if (kind === undefined) return clean(reason);
  const value = lookUp(claims, name);
  return value === undefined || value === null
    ? `no ${clean(name)}`
    : `${clean(name)}, ${typeOf(value)}`;
}

type Requirements = NonNullable<AccessTokenIssuer["require"]>;

function describeRequirement(rule: Requirements[string] | undefined): string {
  if (!rule) return "a value";
  if ("present" in rule) return rule.present ? "to be there" : "to be absent";
  return anyOf(rule.map(String));
}

function anyOf(values: readonly string[]): string {
  return values.join(" or ") || "none";
}

function nameOf(path: ClaimPath): string {
  return typeof path === "string" ? path : JSON.stringify(path);
}

function lookUp(claims: object | undefined, path: ClaimPath): unknown {
  return (typeof path === "string" ? [path] : path).reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    claims,
  );
}

const maxShown = 120;

/** A value on one line; one from a token may be of any size and form. */
export function show(value: unknown, absent = "nothing"): string {
  if (value === undefined) return absent;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return clean(cut(text === "" ? '""' : text, maxShown));
}

function when(seconds: unknown, now: number): string {
  if (typeof seconds !== "number") return "nothing";
  const away = Math.round(seconds - now / 1000);
  return away >= 0 ? `in ${away} s` : `${-away} s ago`;
}

/** Claims of a person (OpenID Connect §5.1), hidden even where a row requires a value of them. */
const personal: ReadonlySet<string> = new Set(
  ("sub oid name given_name family_name middle_name nickname preferred_username profile picture " +
    "website email gender birthdate zoneinfo locale phone_number address upn unique_name").split(
      " ",
    ),
);

function hidden(value: unknown): string {
  return value === undefined ? "nothing" : `${typeOf(value)} (hidden)`;
}

export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (typeof value === "object") return `object of ${Object.keys(value).length}`;
  return typeof value === "string" ? "text" : typeof value;
}
