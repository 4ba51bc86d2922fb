import {
  commaList,
  integer,
  json,
  origin,
  routesSetting,
  setting,
} from "@edgepass/shared/configuration";
import { keySource } from "@edgepass/shared/crypto";
import { policyVersions } from "@edgepass/shared/passport";
import { upstashSettings } from "@edgepass/shared/redis";
import { logSettings } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import { IssuerSettings, text } from "./issuer_settings.ts";
import type { ClientAddressSource } from "./request/headers.ts";
import { passportSigningKeysSetting } from "./signing_keys.ts";

const clientAddress = z.pipe(
  z.string().check(
    z.regex(
      /^(peer|cf-connecting-ip|x-forwarded-for:[1-9])$/,
      "must be peer, cf-connecting-ip or x-forwarded-for:<hops>",
    ),
  ),
  z.transform(toClientAddressSource),
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
  ISSUERS: setting(z._default(json(IssuerSettings), []), {
    meaning: "JSON array of further token issuers; [its members](reference.md#issuers)",
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
