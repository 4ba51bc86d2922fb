import { z } from "@hono/zod-openapi";
import { line, list, ListQuery } from "@edgepass/shared/http";

/** Roles of the product; `learner` is given at sign-up. */
export const Role = z.enum(["admin", "instructor", "learner"]).openapi("Role");
export type Role = z.infer<typeof Role>;

const id = z.uuid({ version: "v7" }).openapi({ example: "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f" });
const time = z.iso.datetime().openapi({ example: "2026-01-05T09:30:00.000Z" });

// Longer than any address, so that the address rule reports the problem and not this bound.
const email = z.string().max(1024).openapi({ format: "email", example: "learner@example.com" });
const password = z.string().openapi({
  format: "password",
  example: "a sentence that only I would think of",
});

export const NewAccount = z.strictObject({
  email,
  password,
  name: line(100).openapi({ example: "Demo Learner" }),
}).openapi("NewAccount");
export type NewAccount = z.infer<typeof NewAccount>;

export const Credentials = z.strictObject({ email, password }).openapi("Credentials");
export type Credentials = z.infer<typeof Credentials>;

/** A person as shown to themselves: only what a client needs after sign-up and login. */
export const Identity = z.object({ id, email, roles: z.array(Role) }).openapi("Identity");
export type Identity = z.infer<typeof Identity>;

export const LoggedIn = z.object({
  user: Identity,
  expiresAt: time.openapi({ description: "When the access token ends" }),
}).openapi("LoggedIn");

export const Refreshed = z.object({
  expiresAt: time.openapi({ description: "When the access token ends" }),
}).openapi("Refreshed");

export const TokenRequest = z.discriminatedUnion("grantType", [
  z.strictObject({ grantType: z.literal("password"), email, password })
    .openapi("PasswordGrant"),
  z.strictObject({
    grantType: z.literal("refresh_token"),
    refreshToken: z.string().max(1024).openapi({
      example: "dGhpcyBpcyBhbiBleGFtcGxlIG9mIGEgcmVmcmVzaCE",
    }),
  })
    .openapi("RefreshTokenGrant"),
]).openapi("TokenRequest");

export const TokenResponse = z.object({
  accessToken: z.string().openapi({ example: "eyJhbGciOiJFZERTQSJ9.…" }),
  refreshToken: z.string().openapi({ example: "dGhpcyBpcyBhbiBleGFtcGxlIG9mIGEgcmVmcmVzaCE" }),
  tokenType: z.literal("Bearer"),
  expiresIn: z.int().openapi({ description: "Life of the access token in seconds", example: 600 }),
}).openapi("TokenResponse");

export const PasswordChange = z.strictObject({ current: password, next: password })
  .openapi("PasswordChange");
export type PasswordChange = z.infer<typeof PasswordChange>;

export const Session = z.object({
  id,
  createdAt: time,
  lastUsedAt: time,
  expiresAt: time,
  userAgent: z.string().nullable().openapi({ example: "curl/8.5.0" }),
  current: z.boolean(),
}).openapi("Session");
export type Session = z.infer<typeof Session>;

export const SessionList = list(Session).openapi("SessionList");

export const ManagedAccount = z.object({
  id,
  email,
  name: z.string().openapi({ example: "Demo Learner" }),
  roles: z.array(Role),
  disabled: z.boolean(),
  createdAt: time,
}).openapi("ManagedAccount");
export type ManagedAccount = z.infer<typeof ManagedAccount>;

export const ManagedAccountList = list(ManagedAccount).openapi("ManagedAccountList");

export const AccountQuery = ListQuery.extend({
  q: z.string().min(1).max(200).optional().openapi({
    description: "Part of an address or a name",
    example: "example.com",
  }),
});
export type AccountQuery = z.infer<typeof AccountQuery>;

export const NewRoles = z.strictObject({ roles: z.array(Role).max(8) }).openapi("NewRoles");

export const IdParam = z.object({ id });

export const PublicAccount = z.object({ id, name: z.string() });
export const OwnAccount = PublicAccount.extend({ roles: z.array(Role) });

export const JwkSet = z.object({
  keys: z.array(z.object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string().openapi({ example: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
    kid: z.string().openapi({ example: "a1" }),
    alg: z.literal("EdDSA"),
    use: z.literal("sig"),
  })),
}).openapi("JwkSet");
