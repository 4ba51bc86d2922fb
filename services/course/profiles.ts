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
  // A Passport outlives its account by seconds; who teaches must be somebody.
  if (!profile) throw new Problem("forbidden", { detail: "Account is closed" });
  return profile;
}
