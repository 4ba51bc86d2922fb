import { createRoute } from "@hono/zod-openapi";
import {
  bodyProblems,
  callProblems,
  createApi,
  jsonBody,
  jsonResponse,
  noContent,
  type PassportEnv,
  problems,
  requireUser,
  type UserPassport,
} from "@edgepass/shared/http";
import { createMiddleware } from "hono/factory";
import { Profile, ProfileChange, PublicProfile, UserParams } from "./schema.ts";
import type { Profiles } from "./service.ts";
import type { ProfileRecord } from "./store.ts";

const tags = ["Users"];

/** Admits only people, before anything of the request is read. */
const signedIn = createMiddleware<
  PassportEnv & { Variables: { person: UserPassport } }
>(async function signedIn(c, next) {
  c.set("person", requireUser(c.var.passport));
  await next();
});

const readProblems = problems(
  "authentication_required",
  "forbidden",
  "not_found",
  ...callProblems,
  "store_unavailable",
);

const getOwnProfile = createRoute({
  method: "get",
  path: "/me",
  operationId: "getOwnProfile",
  summary: "One's own profile; it is there from sign-up on",
  tags,
  middleware: signedIn,
  responses: { 200: jsonResponse("The profile", Profile), ...readProblems },
});

const changeOwnProfile = createRoute({
  method: "patch",
  path: "/me",
  operationId: "changeOwnProfile",
  summary: "Change one's own profile; null clears a field",
  tags,
  middleware: signedIn,
  request: jsonBody(ProfileChange),
  responses: {
    200: jsonResponse("The changed profile", Profile),
    ...problems(
      ...bodyProblems,
      "authentication_required",
      "forbidden",
      "not_found",
      "conflict",
      ...callProblems,
      "store_unavailable",
    ),
  },
});

const closeOwnAccount = createRoute({
  method: "delete",
  path: "/me",
  operationId: "closeOwnAccount",
  summary: "Close the account and erase the profile; every login is dead with the answer",
  tags,
  middleware: signedIn,
  responses: {
    204: noContent("Closed"),
    ...problems(
      "authentication_required",
      "forbidden",
      "not_found",
      "conflict",
      ...callProblems,
      "store_unavailable",
    ),
  },
});

const getProfile = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getProfile",
  summary: "What everybody who is signed in may see of a person",
  tags,
  middleware: signedIn,
  request: { params: UserParams },
  responses: { 200: jsonResponse("The public profile", PublicProfile), ...readProblems },
});

/** The routes of profiles. */
export function profileRoutes(profiles: Profiles) {
  return createApi()
    .openapi(
      getOwnProfile,
      async (c) => c.json(toProfile(await profiles.getOwn(c.var.person)), 200),
    )
    .openapi(changeOwnProfile, async (c) => {
      const profile = await profiles.change(c.req.valid("json"), c.var.person);
      return c.json(toProfile(profile), 200);
    })
    .openapi(closeOwnAccount, async (c) => {
      await profiles.close(c.var.person);
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
