import { ProfileForCourse } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/**
 * Asks user for the profile of the person in whose name the request is served.
 *
 * @throws {Problem} `forbidden` when the account is closed, `upstream_bad_response` when user fails
 * or answers something else, and what the client throws when user cannot be reached
 */
export async function readProfile(client: ServiceClient<"user">): Promise<ProfileForCourse> {
  const response = await client.call("user", "/users/me");
  if (response.status !== 200) {
    await response.body?.cancel();
    // A Passport outlives its account by seconds; who teaches must be somebody.
    if (response.status === 404) throw new Problem("forbidden", { detail: "Account is closed" });
    throw badResponse(new Error(`User answered ${response.status}`));
  }
  const profile = ProfileForCourse.safeParse(await response.json().catch(() => undefined));
  if (!profile.success) throw badResponse(profile.error);
  return profile.data;
}

function badResponse(cause: unknown): Problem {
  return new Problem("upstream_bad_response", { cause });
}
