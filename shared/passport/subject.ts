import * as z from "zod/mini";

const maxLength = z.maxLength(512);

/** The subjects that policies 0.1.0 and 0.2.0 have: their verifiers refuse every other. */
export const FirstSubject = z.string().check(
  maxLength,
  z.regex(/^(anon|svc:[a-z0-9-]{1,64}|user:[\x21-\x7e]+)$/),
);

/** The subjects since policies 0.1.1 and 0.2.1: also programs of other issuers, and API keys. */
export const AnySubject = z.string().check(
  maxLength,
  z.regex(
    /^(anon|svc:[a-z0-9-]{1,64}|user:[\x21-\x7e]+|client:[a-z][a-z0-9-]{0,31}:[\x21-\x7e]+|key:[\w.~%-]+)$/,
  ),
);

/** Who asks. Ids are opaque, and unique within their kind only: never compare one without it. */
export type Subject =
  /** All anonymous callers: never one user. */
  | { readonly kind: "anonymous" }
  /** A program of the trust domain. */
  | { readonly kind: "service"; readonly name: string }
  /** A person: of our own auth service, or of another issuer, whose alias begins the id. */
  | { readonly kind: "user"; readonly id: string; readonly issuer?: string }
  /** A program that another issuer knows (OAuth client credentials); its alias begins the id. */
  | { readonly kind: "client"; readonly id: string; readonly issuer: string }
  /** An API key. */
  | { readonly kind: "key"; readonly id: string };

/**
 * The subject of a verified Passport, by its kind. A program that another issuer authenticated is
 * no user: it owns nothing that belongs to people.
 */
export function readSubject({ sub }: { readonly sub: string }): Subject {
  const [kind, issuer = ""] = sub.split(":", 2);
  const id = sub.slice(sub.indexOf(":") + 1);
  if (kind === "svc") return { kind: "service", name: id };
  if (kind === "client") return { kind, id, issuer };
  if (kind === "key") return { kind, id };
  if (kind !== "user") return { kind: "anonymous" };
  return id.includes(":") ? { kind, id, issuer } : { kind, id };
}
