import {
  createDocumentSchema,
  defaultTimeoutMs,
  type ExternalRoute,
  type ServiceShape,
  wholeNumber,
} from "@edgepass/shared/configuration";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import * as z from "zod/mini";
import { serviceNames } from "./generated/services.ts";

/** The central configuration's settings of each service, in addition to those that every service has. */
export const serviceSettings = {
  auth: {
    accessTokenTtlSeconds: z.optional(
      wholeNumber(1, maxAccessTokenLifeSeconds).check(
        z.meta({ description: "Life of an access token", env: "ACCESS_TOKEN_TTL_SECONDS" }),
      ),
    ),
    refreshTokenTtlSeconds: z.optional(
      wholeNumber(1, 31_536_000).check(
        z.meta({
          description: "Seconds until a login ends without a refresh",
          env: "REFRESH_TOKEN_TTL_SECONDS",
        }),
      ),
    ),
  },
  recommendation: {
    maxStaleSeconds: z.optional(
      wholeNumber(1, 604_800).check(
        z.meta({
          description: "Maximum age of the user's stored response that replaces a failed one",
        }),
      ),
    ),
    limit: z.optional(
      wholeNumber(1, 100).check(
        z.meta({ description: "Suggested courses, if a request has no number" }),
      ),
    ),
  },
} as const satisfies Readonly<Record<string, ServiceShape>>;

/** A service without settings of its own has those of every service. */
const shapes: Readonly<Record<string, ServiceShape>> = {
  ...Object.fromEntries(serviceNames.map((name) => [name, {}])),
  ...serviceSettings,
};

/** The schema of the product's central configuration document, beside the gateway's `ROUTES`. */
export function createConfigurationSchema(routes: readonly ExternalRoute[] = []) {
  // No route of the product has another limit.
  const routed = Object.fromEntries(serviceNames.map((name) => [name, defaultTimeoutMs]));
  return createDocumentSchema(shapes, { routed, routes });
}

/** The same where the gateway has no `ROUTES`. */
export const configurationSchema = createConfigurationSchema();
