import { ProfileForCourse } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/**
 * Reads the profile of the request's subject from user.
 *
 * @throws {Problem} `forbidden` when the account is closed, and what `client.read` throws
 */
export async function readProfile(client: ServiceClient<"user">): Promise<ProfileForCourse> {
  const profile = await client.read("user", "/users/me", ProfileForCourse);
  // A Passport outlives its account by seconds, and subjects of other issuers have no profile: an
  // instructor must have an account here.
  if (!profile) throw new Problem("forbidden", { detail: "There is no profile to teach under" });
  return profile;
}
