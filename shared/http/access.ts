import type { Passport } from "../passport/mod.ts";
import { Problem } from "../problem.ts";

/** A Passport whose subject is a person. */
export type UserPassport = Passport & { readonly userId: string };

/**
 * Requires that the caller is a person, and returns that Passport.
 *
 * @throws {Problem} `authentication_required` for anonymous callers, `forbidden` for services
 */
export function requireUser(passport: Passport): UserPassport {
  const { userId } = passport;
  if (userId !== undefined) return { ...passport, userId };
  throw new Problem(passport.sub === "anon" ? "authentication_required" : "forbidden");
}

/**
 * Requires that the caller is a person with one of the roles, and returns that Passport.
 *
 * @throws {Problem} `authentication_required` or `forbidden`
 */
export function requireRole(passport: Passport, ...roles: readonly string[]): UserPassport {
  const user = requireUser(passport);
  if (!hasRole(user, ...roles)) throw new Problem("forbidden");
  return user;
}

/** Whether a Passport has one of the roles. */
export function hasRole(passport: Passport, ...roles: readonly string[]): boolean {
  return roles.some((role) => passport.roles.includes(role));
}
