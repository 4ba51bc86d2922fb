/** Version 0.1.0 takes these subjects of other issuers, and copies their bytes. */
const plain = /^[\x21-\x7e]{1,256}$/;

/** Longest subject that a Passport can have. */
const maxSubjectLength = 512;

/** As many characters as version 0.1.0 takes. */
const maxCharacters = 256;

/**
 * The subject of an external token as it is in Passports and Redis; undefined for an unusable one.
 *
 * A subject of 0.1.0's shape keeps its bytes, and any other is percent-encoded. So that no two
 * subjects meet, a subject of 0.1.0's shape is refused whose percent-decoding has another shape: an
 * attacker who chooses his name at the issuer could otherwise become `jürgen` by the name
 * `j%C3%BCrgen`. With `all` everything is encoded, as with templates, whose subjects follow a
 * tenant.
 */
export function encodeSubject(sub: unknown, { all }: { all: boolean }): string | undefined {
  const text = Number.isSafeInteger(sub) ? String(sub) : sub;
  if (typeof text !== "string" || !isReadable(text)) return undefined;
  if (all || !plain.test(text)) return encode(text);
  return plain.test(decode(text)) ? text : undefined;
}

/** Control characters have no meaning in a name, and could split a line of a log or a header. */
function isReadable(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text) && text !== "" &&
    [...text].length <= maxCharacters;
}

/** Everything but unreserved characters (RFC 3986 §2.3): `encodeURIComponent` leaves more. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A text that is no encoding of anything cannot meet one. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A subject that an operator names, as it is in Redis: as the log shows it, or as the issuer writes
 * it. Undefined for one that no token can have: its revocation would have no effect.
 */
export function readSubject(text: string, { all }: { all: boolean }): string | undefined {
  if (encodeSubject(decode(text), { all }) === text) return text;
  return encodeSubject(text, { all });
}

/** Whose a token is. */
export interface TokenOwner {
  /** The issuer's alias; our own has none. */
  readonly alias?: string | undefined;
  /** A person, or a client that acts for itself. */
  readonly kind: "user" | "client";
  /** The encoded subject. */
  readonly sub: string;
  /** Its tenant at the issuer. */
  readonly tenant?: string | undefined;
  /** Whether the tenant is a template's, and so part of every name. */
  readonly hasTenantInNames?: boolean | undefined;
}

/** What stands in front of the names of an issuer's tokens, by which Redis keeps them apart. */
export function ownerPrefix(
  { alias, tenant, hasTenantInNames }: Pick<TokenOwner, "alias" | "tenant" | "hasTenantInNames">,
): string | undefined {
  return alias !== undefined && hasTenantInNames ? `${alias}:${tenant}` : alias;
}

/**
 * The subject of a Passport: `user:<sub>` for our own people, `user:<alias>:<sub>` and
 * `client:<alias>:<id>` for others, with the tenant of a template after the alias.
 */
export function passportSubject(owner: TokenOwner): string {
  const prefix = ownerPrefix(owner);
  return [owner.kind, ...(prefix === undefined ? [] : [prefix]), owner.sub].join(":");
}

/** Whether the subject has room in a Passport. */
export function fitsPassport(owner: TokenOwner): boolean {
  return passportSubject(owner).length <= maxSubjectLength;
}
