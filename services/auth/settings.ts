import { integer, origin } from "@edgepass/shared/config";
import { keySource, secretSetting } from "@edgepass/shared/crypto";
import { passportRingSetting } from "@edgepass/shared/passport";
import { upstashSettings } from "@edgepass/shared/redis";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { isEmail, normaliseEmail } from "./email.ts";
import { accessTokenKeysSetting } from "./keys.ts";
import { findPasswordFault } from "./passwords/policy.ts";

const text = z.string().check(z.minLength(1));

/** The settings of the identity provider, in addition to those of every service. */
export const authSettings = {
  PUBLIC_ORIGIN: origin(),
  ISSUER: z.optional(text),
  AUDIENCE: z.optional(text),
  ACCESS_TOKEN_KEYS: accessTokenKeysSetting,
  ACCESS_TOKEN_KEYS_RELOAD: z.optional(keySource),
  PASSPORT_KEYS: passportRingSetting,
  REFRESH_TOKEN_KEY: secretSetting,
  ACCESS_TOKEN_TTL_SECONDS: z._default(integer({ min: 1, max: maxAccessTokenLifeSeconds }), 600),
  REFRESH_TOKEN_TTL_SECONDS: z._default(integer({ min: 1 }), 1_209_600),
  SESSION_MAX_SECONDS: z._default(integer({ min: 1 }), 2_592_000),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
  ...upstashSettings,
  ADMIN_EMAIL: z.optional(
    z.string().check(
      z.refine((value) => isEmail(normaliseEmail(value)), "must be an e-mail address"),
    ),
  ),
  ADMIN_PASSWORD: z.optional(
    z.string().check(
      z.refine(
        (value) => findPasswordFault(value, "") === undefined,
        "must have 8 to 128 characters and be none of the best-known passwords",
      ),
    ),
  ),
} as const;

/** Their values. */
export type AuthSettings = z.output<z.ZodMiniObject<typeof authSettings>>;
