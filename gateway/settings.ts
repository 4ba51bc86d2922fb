import {
  commaList,
  integer,
  json,
  origin,
  routesSetting,
  setting,
} from "@edgepass/shared/configuration";
import { JwkSet, keySource } from "@edgepass/shared/crypto";
import { areDistinct, policyVersions } from "@edgepass/shared/passport";
import { upstashSettings } from "@edgepass/shared/redis";
import { logSettings } from "@edgepass/shared/telemetry";
import { isIssuerAlias } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import type { ClientAddressSource } from "./request/headers.ts";
import { passportSigningKeysSetting } from "./signing_keys.ts";

/** No longer than what a Passport verifier accepts. */
const text = z.string().check(z.minLength(1), z.maxLength(512));

const clientAddress = z.pipe(
  z.string().check(
    z.regex(
      /^(peer|cf-connecting-ip|x-forwarded-for:[1-9])$/,
      "must be peer, cf-connecting-ip or x-forwarded-for:<hops>",
    ),
  ),
  z.transform(toClientAddressSource),
);

const claimPath = z.union([text, z.array(text)]);
const httpUrl = text.check(
  z.refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), "must be a URL"),
);
/** A key set in the setting must be usable: no later reload can replace it. */
const jwksSetting = JwkSet.check(
  z.refine((set) => !set.keys.some(isSecret), "must have public keys only"),
);
/** One entry of `ISSUERS`. */
export const IssuerSetting = z.strictObject({
  alias: text.check(
    z.refine(isIssuerAlias, "must be a lower-case word of at most 32 characters, and not user"),
  ),
  iss: text,
  audience: text,
  jwks: z.union([httpUrl, jwksSetting]),
  algorithms: z.array(z.enum(["EdDSA", "ES256", "RS256"])).check(z.minLength(1)),
  typ: z.optional(z.union([z.string(), z.array(z.string())])),
  claims: z.optional(z.strictObject({
    jti: z.optional(claimPath),
    sid: z.optional(claimPath),
    roles: z.optional(claimPath),
    scope: z.optional(claimPath),
  })),
  maxLifeSeconds: z.optional(integer({ min: 1 })),
});

const issuers = z.array(IssuerSetting).check(
  z.refine((all) => areDistinct(all.map(({ alias }) => alias)), "has an alias twice"),
  z.refine((all) => areDistinct(all.map(({ iss }) => iss)), "has an iss twice"),
);

/** What a gateway reads from its bindings, whatever product is behind it. */
export const gatewaySettings = {
  PUBLIC_ORIGIN: setting(origin(), {
    meaning:
      "the one origin clients use; `https:` turns cookie prefixes, `Secure` and HSTS on; other hosts are 421",
  }),
  ALLOWED_ORIGINS: setting(z._default(commaList(origin()), []), {
    meaning: "further origins whose pages may call (CORS and CSRF), comma list, exact",
    without: "none",
  }),
  ISSUER: setting(z.optional(text), {
    meaning: "`iss` of our access tokens and of Passports",
    without: "`PUBLIC_ORIGIN`",
  }),
  AUDIENCE: setting(z.optional(text), {
    meaning: "`aud` of our access tokens",
    without: "`PUBLIC_ORIGIN`",
  }),
  TRUST_DOMAIN: setting(z._default(text, "edgepass.local"), {
    meaning: "`aud` of Passports; one of its own for each environment",
  }),
  PASSPORT_KEYS: setting(passportSigningKeysSetting, {
    meaning:
      "JSON array of `{kid, secret, state}`, one `signing`, the next one `published`; [keys](keys.md)",
    secret: true,
  }),
  PASSPORT_KEYS_RELOAD: z.optional(keySource),
  PASSPORT_TTL_SECONDS: setting(z._default(integer({ min: 1, max: 300 }), 30), {
    meaning: "life of a Passport, and the longest a route may take",
  }),
  PASSPORT_POLICY: setting(z._default(z.enum(policyVersions), "0.1.0"), {
    meaning:
      "version of the Passport policy that all services take: from `0.1.1` (or `0.2.1`, the same choice) on clients and `claims.extra` are sent; the [central configuration](configuration.md#passport) overrides it",
  }),
  LEEWAY_SECONDS: setting(z._default(integer({ min: 0, max: 300 }), 5), {
    meaning: "tolerance for clocks that differ",
  }),
  ISSUERS: setting(z._default(json(issuers), []), {
    meaning: "JSON array of further token issuers",
    without: "`[]`",
  }),
  ROUTES: routesSetting,
  CLIENT_ADDRESS: setting(z._default(clientAddress, { kind: "peer" }), {
    meaning: "trusted source of the client's address, [below](#the-clients-address)",
    without: "`peer`",
  }),
  REVOCATION_TIMEOUT_MS: setting(z._default(integer({ min: 1, max: 10_000 }), 150), {
    meaning:
      "budget of the round trip to Redis, from the sending of the command; on Deno extended by the measured delay of the event loop, to 500 ms in all; over it a protected request is 503",
  }),
  ...upstashSettings,
  ...logSettings,
};

function toClientAddressSource(value: string): ClientAddressSource {
  if (value === "peer") return { kind: "peer" };
  if (value === "cf-connecting-ip") return { kind: "header", name: value };
  return { kind: "forwarded", hops: Number(value.slice("x-forwarded-for:".length)) };
}

function isSecret(key: unknown): boolean {
  return typeof key === "object" && key !== null && ("d" in key || "k" in key);
}
