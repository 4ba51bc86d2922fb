import { ProfileForCourse } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/**
 * Asks user for the profile of the person in whose name the request is served.
 *
 * @throws {Problem} `forbidden` when the account is closed, and what `client.read` throws
 */
export async function readProfile(client: ServiceClient<"user">): Promise<ProfileForCourse> {
  const profile = await client.read("user", "/users/me", ProfileForCourse);
  // A Passport outlives its account by seconds, and people of other issuers have none: who teaches
  // must be somebody here.
  if (!profile) throw new Problem("forbidden", { detail: "There is no profile to teach under" });
  return profile;
}
