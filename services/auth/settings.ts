import { integer, origin, routesSetting, setting } from "@edgepass/shared/configuration";
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
  PUBLIC_ORIGIN: setting(origin(), { meaning: "the one origin clients use" }),
  ISSUER: z.optional(text),
  AUDIENCE: setting(z.optional(text), {
    meaning: "`aud` of our access tokens",
    without: "`PUBLIC_ORIGIN`",
  }),
  ACCESS_TOKEN_KEYS: setting(accessTokenKeysSetting, {
    meaning:
      "private JWK set of Ed25519 keys with `kid`, `alg`, `use`, `state`, as above; [keys](keys.md)",
    secret: true,
    make: "access-token keys",
  }),
  ACCESS_TOKEN_KEYS_RELOAD: z.optional(keySource),
  PASSPORT_KEYS: passportRingSetting,
  REFRESH_TOKEN_KEY: setting(secretSetting, {
    meaning: "key behind the refresh grace, at least 32 random bytes as base64url",
    secret: true,
    make: "secret",
  }),
  ACCESS_TOKEN_TTL_SECONDS: setting(
    z._default(integer({ min: 1, max: maxAccessTokenLifeSeconds }), 600),
    { meaning: "life of an access token, at most 900" },
  ),
  REFRESH_TOKEN_TTL_SECONDS: setting(z._default(integer({ min: 1 }), 1_209_600), {
    meaning: "seconds until a login ends without a refresh",
  }),
  SESSION_MAX_SECONDS: setting(z._default(integer({ min: 1 }), 2_592_000), {
    meaning: "seconds until a login ends in any case",
  }),
  LEEWAY_SECONDS: z._default(integer({ min: 0, max: 300 }), 5),
  // Of the gateway: a configuration must not call slow what a route of it still waits for.
  ROUTES: routesSetting,
  ...upstashSettings,
  ADMIN_EMAIL: setting(
    z.optional(
      z.string().check(
        z.refine((value) => isEmail(normaliseEmail(value)), "must be an e-mail address"),
      ),
    ),
    {
      meaning: "address of the first administrator, created while no account has it",
      without: "no administrator",
      inDev: "admin@edgepass.local",
    },
  ),
  ADMIN_PASSWORD: setting(
    z.optional(
      z.string().check(
        z.refine(
          (value) => findPasswordFault(value, "") === undefined,
          "must have 8 to 128 characters and be none of the best-known passwords",
        ),
      ),
    ),
    {
      meaning: "the first administrator's first password",
      without: "no administrator",
      secret: true,
      isDemanded: true,
      make: "password",
    },
  ),
} as const;

/** Their values. */
export type AuthSettings = z.output<z.ZodMiniObject<typeof authSettings>>;
