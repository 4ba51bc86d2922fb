import * as z from "zod/mini";
import type { JsonObject } from "../crypto/mod.ts";
import { count, text } from "./access_token.ts";

/**
 * Where an external token has the claims that ours call `jti`, `sid`, `roles`, `scope`.
 *
 * A text is the exact name of a member, dots and slashes included; a list is a path through nested
 * objects. Claims outside of the map are read under our name.
 */
export type ClaimMap = Readonly<
  Partial<Record<"jti" | "sid" | "roles" | "scope", string | readonly string[]>>
>;

/** Longest life of another issuer's token in seconds, unless the issuer's settings have another. */
export const externalTokenLifeSeconds = 86_400;

/**
 * Whether a text may be an issuer's alias. `user` is none: it is the prefix of our own people in a
 * Passport's subject.
 */
export function isIssuerAlias(alias: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(alias) && alias !== "user";
}

const subject = /^[\x21-\x7e]{1,256}$/;

/** Whether a text may be the subject of another issuer's token. */
export function isExternalSubject(sub: string): boolean {
  return subject.test(sub);
}

/** A scope-token (RFC 6749 §3.3): one with a space in it would become two scopes. */
const scopeToken = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/));

/** A single role may be a text. It is never split: `Super admin` is not `admin`. */
const roles = z.pipe(
  z.transform((value: unknown) => typeof value === "string" ? [value] : value),
  z.array(text).check(z.maxLength(64)),
);

/** The scope is one text (RFC 8693 §4.2) or a list. */
const scope = z.pipe(
  z.transform((value: unknown) =>
    typeof value === "string" ? value.split(" ").filter((token) => token !== "") : value
  ),
  z.pipe(z.array(scopeToken), z.transform((tokens: string[]) => tokens.join(" "))),
);

const ExternalClaims = z.object({
  aud: z.union([text, z.array(text)]),
  sub: z.string().check(z.regex(subject)),
  iat: count,
  exp: count,
  nbf: z.optional(count),
  jti: z.optional(text),
  sid: z.optional(text),
  roles: z._default(roles, []),
  scope: z._default(scope, ""),
});
export type ExternalClaims = z.infer<typeof ExternalClaims>;

/** The claims of another issuer's token under our names; undefined when they are invalid. */
export function readExternalClaims(
  payload: JsonObject,
  claimMap: ClaimMap,
): ExternalClaims | undefined {
  const mapped = Object.fromEntries(
    Object.entries(claimMap).map(([name, path]) => [name, lookUp(payload, path)]),
  );
  return z.safeParse(ExternalClaims, { ...payload, ...mapped }).data;
}

/** Follows own members only, so that no name reaches a prototype. */
function lookUp(payload: JsonObject, path: string | readonly string[]): unknown {
  const names = typeof path === "string" ? [path] : path;
  return names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    payload,
  );
}
