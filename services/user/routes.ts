import {
  callProblems,
  createApi,
  createRoute,
  jsonBody,
  jsonResponse,
  noContent,
} from "@edgepass/shared/http";
import { Profile, ProfileChange, PublicProfile, UserParams } from "./schema.ts";
import type { Profiles } from "./rules.ts";
import type { ProfileRecord } from "./store.ts";

const tags = ["Users"];

const readProblems = ["not_found", ...callProblems, "store_unavailable"] as const;

const getOwnProfile = createRoute({
  method: "get",
  path: "/me",
  operationId: "getOwnProfile",
  summary: "One's own profile; it is there from sign-up on",
  tags,
  access: "authenticated",
  responses: { 200: jsonResponse("The profile", Profile) },
  problems: readProblems,
});

const changeOwnProfile = createRoute({
  method: "patch",
  path: "/me",
  operationId: "changeOwnProfile",
  summary: "Change one's own profile; null clears a field",
  tags,
  access: "authenticated",
  request: jsonBody(ProfileChange),
  responses: { 200: jsonResponse("The changed profile", Profile) },
  problems: ["not_found", "conflict", ...callProblems, "store_unavailable"],
});

const closeOwnAccount = createRoute({
  method: "delete",
  path: "/me",
  operationId: "closeOwnAccount",
  summary: "Close the account and erase the profile; every login is dead with the answer",
  tags,
  access: "authenticated",
  responses: { 204: noContent("Closed") },
  problems: ["not_found", "conflict", ...callProblems, "store_unavailable"],
});

const getProfile = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getProfile",
  summary: "What everybody who is signed in may see of a person",
  tags,
  access: "authenticated",
  request: { params: UserParams },
  responses: { 200: jsonResponse("The public profile", PublicProfile) },
  problems: readProblems,
});

/** The routes of profiles. */
export function profileRoutes(profiles: Profiles) {
  return createApi()
    .openapi(
      getOwnProfile,
      async (c) => c.json(toProfile(await profiles.getOwn(c.var.user)), 200),
    )
    .openapi(changeOwnProfile, async (c) => {
      const profile = await profiles.change(c.req.valid("json"), c.var.user);
      return c.json(toProfile(profile), 200);
    })
    .openapi(closeOwnAccount, async (c) => {
      await profiles.close(c.var.user);
      return c.body(null, 204);
    })
    .openapi(getProfile, async (c) => {
      const profile = await profiles.getPublic(c.req.valid("param").id);
      return c.json(toPublicProfile(profile), 200);
    });
}

function toPublicProfile({ id, name, headline, bio, avatarUrl }: ProfileRecord): PublicProfile {
  return { id, name, headline, bio, avatarUrl };
}

function toProfile(profile: ProfileRecord): Profile {
  return {
    ...toPublicProfile(profile),
    locale: profile.locale,
    createdAt: new Date(profile.createdAt).toISOString(),
    updatedAt: new Date(profile.updatedAt).toISOString(),
  };
}
