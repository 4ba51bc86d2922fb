import * as z from "zod/mini";
import { Dependencies } from "./dependencies.ts";
import { ExternalRoute, findRouteFaults, Revocation } from "./routes.ts";
import { Level, RoutePath, wholeNumber } from "./values.ts";

/** A limit of requests per window. */
export const Limit = z.strictObject({
  limit: wholeNumber(1, 1_000_000_000).check(z.meta({ description: "Requests" })),
  windowSeconds: wholeNumber(1, 86_400).check(z.meta({ description: "In so many seconds" })),
});
/** A limit of requests per window. */
export type Limit = Readonly<z.infer<typeof Limit>>;

/** Rate limits of one caller; an omitted limit does not apply. */
export const RateLimits = z.strictObject({
  address: z.optional(Limit.check(
    z.meta({ description: "Of one network: an IPv4 address, or the /64 of an IPv6 address" }),
  )),
  person: z.optional(Limit.check(z.meta({ description: "Of one person, over all routes" }))),
  routes: z.optional(
    z.record(RoutePath, Limit).check(
      z.meta({ description: "Of one person or network on one route, by its path" }),
    ),
  ),
});
/** Rate limits of one caller; an omitted limit does not apply. */
export type RateLimits = z.infer<typeof RateLimits>;

/** Default life of a Passport, if neither the environment nor the document sets it. */
export const defaultPassportTtlSeconds = 30;

/** The gateway's part of the central configuration. */
export const GatewaySection = z.strictObject({
  routes: z.optional(
    z.array(ExternalRoute).check(
      z.maxLength(5_000),
      z.meta({
        description:
          "Services elsewhere, beside those of the environment; one of the same prefix " +
          "stands in for it",
        env: "ROUTES",
      }),
    ),
  ),
  revocation: z.optional(
    z.record(RoutePath, Revocation).check(
      z.meta({ description: "How old an answer on revocation may be, by the path of a route" }),
    ),
  ),
  limits: z.optional(RateLimits),
  logLevel: z.optional(Level),
  passportTtlSeconds: z.optional(
    wholeNumber(5, 300).check(
      z.meta({ description: "Life of a Passport", env: "PASSPORT_TTL_SECONDS" }),
    ),
  ),
  dependencies: z.optional(Dependencies),
}).check((context) => {
  const { routes = [], passportTtlSeconds = defaultPassportTtlSeconds } = context.value;
  for (const { path, message } of findRouteFaults(routes, { passportTtlSeconds })) {
    context.issues.push({
      code: "custom",
      input: context.value,
      path: ["routes", ...path],
      message,
    });
  }
});
/** The gateway's part of the central configuration. */
export type GatewaySection = z.infer<typeof GatewaySection>;
