import type { AsymmetricAlgorithmName, KeyName, VerificationKey } from "../crypto/mod.ts";

/**
 * Where a token has a claim. A text is the exact name of a member, dots and slashes included; a list
 * is a path through nested objects.
 */
export type ClaimPath = string | readonly string[];

/** Roles that a row renames, and then keeps; without `keep` all pass. */
export interface RolesRule {
  /** Where the roles are. */
  readonly from: ClaimPath;
  /** New names, by the issuer's. */
  readonly map?: Readonly<Record<string, string>>;
  /** The names that stay after `map`. */
  readonly keep?: readonly string[];
  /** Whether the roles are the names of an object's members, as Zitadel has them. */
  readonly keys?: boolean;
}

/**
 * Where an external token has the claims that ours call `jti`, `sid`, `roles`, `scope` and so on.
 * Claims outside of the map are read under our name; `tenant` only where it is mapped.
 */
export interface ClaimMap {
  /** The subject. */
  readonly sub?: ClaimPath;
  /** The subject's tenant. */
  readonly tenant?: ClaimPath;
  /** The token's id. */
  readonly jti?: ClaimPath;
  /** The login. */
  readonly sid?: ClaimPath;
  /** The scopes. */
  readonly scope?: ClaimPath;
  /** The roles. */
  readonly roles?: ClaimPath | RolesRule;
  /** Claims that are copied into the Passport, by their name there. */
  readonly extra?: Readonly<Record<string, ClaimPath>>;
}

/** A value that `require` compares exactly. */
export type RequiredValue = string | number | boolean;

/** Values of which a claim must have one; or whether it must be there at all. */
export type Requirement = readonly RequiredValue[] | { readonly present: boolean };

/** One issuer the gateway accepts. Every check that it configures must hold. */
export interface AccessTokenIssuer {
  /** Prefix of its subjects; absent for our own auth service. */
  readonly alias?: string;
  /** The issuer, compared exactly; or a template with one `{claim}` for one path segment. */
  readonly iss: string;
  /** The accepted tenants of a template. */
  readonly tenants?: readonly string[] | "any";
  /** Its tokens' `aud` must contain one of these. */
  readonly audience?: readonly string[];
  /** A claim that names the client, and the clients that are accepted. */
  readonly clients?: { readonly claim: ClaimPath; readonly allow: readonly string[] };
  /** Claims that must have one of some values, be there, or be absent. */
  readonly require?: Readonly<Record<string, Requirement>>;
  /** The algorithms that its keys may have. */
  readonly algorithms: readonly AsymmetricAlgorithmName[];
  /** Accepted media types in a header's `typ`, as `toMediaType` writes them; `""` means none. */
  readonly typ: readonly string[];
  /** Where its tokens have the claims that ours have under other names. */
  readonly claims: ClaimMap;
  /** Longest life of a token in seconds. */
  readonly maxLifeSeconds: number;
  /** A longer token is refused, in bytes. */
  readonly maxTokenBytes: number;
  /** The key that a header names. */
  findKey(name: KeyName): Promise<VerificationKey | undefined>;
}

/** Longest life of another issuer's token in seconds, unless the issuer's settings have another. */
export const externalTokenLifeSeconds = 86_400;

/** Longest token in bytes, unless the issuer's settings have another; of ours in any case. */
export const maxAccessTokenBytes = 4096;

/** Longest token in bytes that a row may allow: all headers of a request are 16 KiB at most. */
export const maxExternalTokenBytes = 12_288;

/** Accepted `typ` of another issuer, unless its row has others. */
export const externalTypes = ["at+jwt", "jwt", ""] as const;

/**
 * A header's `typ` as a media type (RFC 7515 §4.1.9): of any case, and with or without
 * `application/`.
 */
export function toMediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, "");
}

/**
 * Whether a text may be an issuer's alias. `user` is none: it is the prefix of our own people in a
 * Passport's subject.
 */
export function isIssuerAlias(alias: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(alias) && alias !== "user";
}

/** An `iss` with a part that differs from tenant to tenant. */
export interface IssuerTemplate {
  /** The claim that must be equal to the part. */
  readonly claim: string;
  /** The part of an `iss` that fits; undefined for any other. */
  tenantOf(iss: string): string | undefined;
}

/** Without `:` and `%`, so that no tenant reads as the beginning of another one's subject. */
const tenant = /^[A-Za-z0-9._~-]{1,128}$/;

/** Whether a text may be a tenant of a template. */
export function isTenant(text: string): boolean {
  return tenant.test(text);
}

/**
 * Reads a template such as `https://login.example/{tid}/v2.0`: the braces stand for one whole path
 * segment. Undefined for an exact `iss`.
 *
 * @throws {RangeError} for braces that are no such template
 */
export function readTemplate(iss: string): IssuerTemplate | undefined {
  if (!/[{}]/.test(iss)) return undefined;
  const [, before, claim, after] =
    /^(https?:\/\/[^/{}?#]+\/(?:[^{}?#]*\/)?)\{([A-Za-z0-9_.-]{1,64})\}((?:\/[^{}?#]*)?)$/
      .exec(iss) ?? [];
  if (before === undefined || claim === undefined || after === undefined) {
    throw new RangeError("must have one {claim} at most, for one whole segment of its path");
  }
  return {
    claim,
    tenantOf(text) {
      if (text.length < before.length + after.length) return undefined;
      if (!text.startsWith(before) || !text.endsWith(after)) return undefined;
      const part = text.slice(before.length, text.length - after.length);
      return isTenant(part) ? part : undefined;
    },
  };
}

/** A row, with what its template says of an `iss`. */
export interface FoundIssuer<Row> {
  /** The row. */
  readonly issuer: Row;
  /** The tenant in the `iss`, and the claim that must be equal to it. */
  readonly bound?: { readonly claim: string; readonly tenant: string };
}

/** The rows, searchable by a token's `iss`. */
export interface Issuers<Row extends AccessTokenIssuer = AccessTokenIssuer> {
  /** The one row of an `iss`: rows are compared exactly, and then by their templates. */
  find(iss: string): FoundIssuer<Row> | undefined;
  /** Every row. */
  readonly all: readonly Row[];
  /** The largest `maxTokenBytes`: a longer token is not decoded at all. */
  readonly maxTokenBytes: number;
}

/**
 * Makes the rows searchable.
 *
 * @throws {RangeError} for an `iss` that two rows have, or that a template also matches
 */
export function indexIssuers<Row extends AccessTokenIssuer>(all: readonly Row[]): Issuers<Row> {
  const twice = findOverlap(all);
  if (twice) {
    const names = twice.map(({ alias }) => alias ?? "our own").join(" and ");
    throw new RangeError(`Cannot start: ISSUERS has an iss twice: ${names}`);
  }
  const rows = all.map((issuer) => ({
    issuer,
    template: issuer.alias === undefined ? undefined : readTemplate(issuer.iss),
  }));
  // A template's own text is no issuer: a token that names it would be of no tenant at all.
  const exact = new Map(
    rows.flatMap(({ issuer, template }) => template ? [] : [[issuer.iss, issuer]]),
  );
  const templates = rows.flatMap(({ issuer, template }) => template ? [{ issuer, template }] : []);
  return {
    all,
    maxTokenBytes: Math.max(maxAccessTokenBytes, ...all.map(({ maxTokenBytes }) => maxTokenBytes)),
    find(iss) {
      const issuer = exact.get(iss);
      if (issuer) return { issuer };
      for (const { issuer, template: { claim, tenantOf } } of templates) {
        const tenant = tenantOf(iss);
        if (tenant !== undefined) return { issuer, bound: { claim, tenant } };
      }
      return undefined;
    },
  };
}

/**
 * Two rows that one `iss` fits, if there are any: the order of the setting would decide which of
 * their checks hold.
 */
export function findOverlap<Row extends { readonly iss: string }>(
  rows: readonly Row[],
): readonly [Row, Row] | undefined {
  for (const [position, row] of rows.entries()) {
    const other = rows.slice(0, position).find(({ iss }) => overlap(iss, row.iss));
    if (other) return [other, row];
  }
  return undefined;
}

/** Whether a token's `iss` can fit both. */
function overlap(one: string, other: string): boolean {
  const [left, right] = [one.split("/"), other.split("/")];
  return left.length === right.length &&
    left.every((part, at) => canBeEqual(part, right[at] ?? ""));
}

function canBeEqual(left: string, right: string): boolean {
  if (left === right) return true;
  const [isOpen, isOtherOpen] = [left, right].map((part) => part.startsWith("{"));
  return (isOpen && (isOtherOpen || isTenant(right))) || (isOtherOpen === true && isTenant(left));
}
