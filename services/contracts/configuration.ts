import {
  createDocumentSchema,
  defaultTimeoutMs,
  type ServiceShape,
  wholeNumber,
} from "@edgepass/shared/configuration";
import { maxAccessTokenLifeSeconds } from "@edgepass/shared/tokens";
import * as z from "zod/mini";

/** The central configuration's settings of each service, in addition to those of all services. */
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
          description: "A login ends after so long without a refresh",
          env: "REFRESH_TOKEN_TTL_SECONDS",
        }),
      ),
    ),
  },
  user: {},
  course: {},
  enrollment: {},
  recommendation: {
    maxStaleSeconds: z.optional(
      wholeNumber(1, 604_800).check(
        z.meta({ description: "Oldest answer of the same person that may stand in for a new one" }),
      ),
    ),
    limit: z.optional(
      wholeNumber(1, 100).check(
        z.meta({ description: "Courses suggested where a request does not say how many" }),
      ),
    ),
  },
} as const satisfies Readonly<Record<string, ServiceShape>>;

/** The schema of the product's central configuration document. */
export const configurationSchema = createDocumentSchema(serviceSettings, {
  // No route of the product has another limit.
  routed: Object.fromEntries(Object.keys(serviceSettings).map((name) => [name, defaultTimeoutMs])),
});
