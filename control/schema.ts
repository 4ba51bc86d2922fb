import { z } from "@hono/zod-openapi";
import { line, list } from "@edgepass/shared/http";

const version = z.int().min(0).max(999_999_999).openapi({ example: 7 });

const document = z.record(z.string(), z.unknown()).openapi({
  description: "The whole central document; docs/configuration.md has what it may say",
  example: { gateway: { logLevel: "debug" } },
});

const ifVersion = version.optional().openapi({
  description: "The version this is based on: refused when another one is in force",
  example: 6,
});

const change = {
  version,
  changedAt: z.iso.datetime().nullable().openapi({ example: "2026-01-05T09:30:00.000Z" }),
  changedBy: z.string().nullable().openapi({ example: "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f" }),
  comment: z.string().nullable().openapi({ example: "Look closer for an hour" }),
  changed: z.array(z.string().openapi({ example: "gateway.logLevel" })).openapi({
    description: "Paths of what differs from the version before",
  }),
};

export const Configuration = z.object({ ...change, document }).openapi("Configuration");

export const NewConfiguration = z.strictObject({
  document,
  ifVersion,
  comment: line(200).optional().openapi({ example: "Look closer for an hour" }),
}).openapi("NewConfiguration");

export const ConfigurationChange = z.object(change).openapi("ConfigurationChange");

export const ConfigurationHistory = list(ConfigurationChange).openapi("ConfigurationHistory");

/** A version in a path, where everything is text. */
export const VersionParam = z.object({
  version: z.string().regex(/^[1-9]\d{0,8}$/).transform(Number)
    .openapi({ type: "integer", minimum: 1, maximum: 999_999_999, example: 6 }),
});

export const Rollback = z.strictObject({
  version: version.min(1).openapi({ description: "The version whose document is to be in force" }),
  ifVersion,
}).openapi("Rollback");

const time = z.iso.datetime().openapi({ example: "2026-01-05T09:30:00.000Z" });
const actor = z.string().openapi({ example: "corp:42" });

const target = {
  issuer: z.string().max(32).openapi({
    description: "Alias of the issuer, as `ISSUERS` names it",
    example: "corp",
  }),
  level: z.enum(["token", "login", "subject", "key"]).openapi({
    description: "What `id` is: a token's `jti`, its `sid`, its `sub`, or the `kid` of a key",
    example: "subject",
  }),
  id: z.string().min(1).max(512).openapi({ example: "42" }),
};

/** A revocation that an administrator makes. */
export const NewRevocation = z.strictObject({
  ...target,
  expiresAt: time.optional().openapi({
    description: "When it ends; by default once no token can be valid that is valid now, for a " +
      "login or a key after 30 days",
  }),
  reason: line(200).optional().openapi({ example: "Laptop stolen" }),
}).openapi("NewRevocation");

/** A revocation that has not expired. */
export const Revocation = z.object({
  ...target,
  issuedBefore: time.nullable().openapi({
    description: "Of a subject: tokens that were issued earlier are revoked",
  }),
  expiresAt: time,
  revokedAt: time.nullable(),
  revokedBy: actor.nullable(),
  reason: z.string().nullable().openapi({ example: "Laptop stolen" }),
}).openapi("Revocation");

export const RevocationList = list(Revocation).openapi("RevocationList");

/** One change, and who made it. */
export const AuditRecord = z.object({
  id: z.string().openapi({ example: "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f" }),
  at: time,
  by: actor,
  target: z.string().openapi({ example: "subject corp:42" }),
  what: z.string().openapi({ example: "revoked: Laptop stolen" }),
}).openapi("AuditRecord");

export const AuditList = list(AuditRecord).openapi("AuditList");
