import type { Passport } from "../passport/mod.ts";
import { Problem } from "../problem.ts";

/** A Passport of a person. */
export type UserPassport = Passport & { readonly userId: string };

/**
 * The Passport of the person who asks.
 *
 * @throws {Problem} `authentication_required` for anonymous callers, `forbidden` for services
 */
export function requireUser(passport: Passport): UserPassport {
  const { userId } = passport;
  if (userId !== undefined) return { ...passport, userId };
  throw new Problem(passport.sub === "anon" ? "authentication_required" : "forbidden");
}

/**
 * The Passport of a person who has one of the roles.
 *
 * @throws {Problem} `authentication_required` or `forbidden`
 */
export function requireRole(passport: Passport, ...roles: readonly string[]): UserPassport {
  const user = requireUser(passport);
  if (!hasRole(user, ...roles)) throw new Problem("forbidden");
  return user;
}

/** Tells whether a Passport carries one of the roles. */
export function hasRole(passport: Passport, ...roles: readonly string[]): boolean {
  return roles.some((role) => passport.roles.includes(role));
}
