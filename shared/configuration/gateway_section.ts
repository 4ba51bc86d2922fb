import * as z from "zod/mini";
import { json, setting, wholeNumber } from "../composition/settings.ts";
import { logLevels } from "../log.ts";
import { policySchema } from "../resilience/policy.ts";

/** A text no longer than a Passport's verifier accepts. */
const text = z.string().check(z.minLength(1), z.maxLength(512));

/** The path of a row of the gateway's route table, for example `/courses/{id}` or `/echo/*`. */
export const RoutePath = z.string().check(
  z.regex(/^\/[\x21-\x7e]{0,200}$/, { error: "must be the path of a route" }),
);

/** Log lines below this level are not written. */
export const Level = z.enum(logLevels).check(
  z.meta({ description: "Lines below it are not written", env: "LOG_LEVEL" }),
);

/** Name of an upstream: a service's name, or the host of a URL with its port, if it has one. */
const DependencyName = z.string().check(
  z.maxLength(255),
  z.regex(/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/, {
    error: "must be a lower-case name, or the host of a URL",
  }),
);

/** Policies of calls, by the dependency's name; omitted members keep their defaults. */
export const Dependencies = z.record(DependencyName, policySchema).check(
  z.meta({
    description: "Policy of the calls to a dependency, by its name or host; omitted members stay",
  }),
);
/** Policies of calls, by the dependency's name. */
export type Dependencies = z.infer<typeof Dependencies>;

/** First segments that the gateway serves itself; a route below them would never be reached. */
export const gatewayDocuments = ["livez", "readyz", "metrics", "openapi.json", "docs"] as const;

/** Longest life of a Passport, and so the longest timeout of a route. */
const maxTimeoutMs = 300_000;
/** Timeout of a route without its own. */
export const defaultTimeoutMs = 5_000;

const prefixPattern = /^\/(?:[A-Za-z0-9\-._~]+(?:\/|$))*$/;

function isPrefix(prefix: string): boolean {
  return prefixPattern.test(prefix) &&
    !prefix.split("/").some((part) => part === "." || part === "..");
}

function isFree(prefix: string): boolean {
  const [, first = ""] = prefix.split("/");
  return !gatewayDocuments.some((name) => name === first);
}

const Prefix = text.check(
  z.refine(isPrefix, "must be a path of whole segments"),
  z.refine(isFree, "must not be where the gateway has a document of its own"),
  z.meta({ description: "The path and everything below it, in whole segments" }),
);

const Upstream = text.check(
  z.refine(isOrigin, "must be an http or https origin without a path"),
  z.meta({ description: "The origin of the service; path and query are forwarded unchanged" }),
);

function isOrigin(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, origin, href } = new URL(url);
  return /^https?:$/.test(protocol) && `${origin}/` === href;
}

const Access = z.union([
  z.enum(["public", "optional", "authenticated"]),
  z.strictObject({ roles: z.array(text).check(z.minLength(1), z.maxLength(32)) }),
], 'must be "public", "optional", "authenticated" or {"roles":[…]}').check(
  z.meta({ description: "Who may use it: a token with one of the roles is enough" }),
);

/** Maximum age of a revocation check. */
export const Revocation = z.union([
  z.literal("strict"),
  z.strictObject({ boundedMs: wholeNumber(1, 900_000) }),
]);
/** Maximum age of a revocation check. */
export type Revocation = z.infer<typeof Revocation>;

/** A service outside of this product, in any language, as in `ROUTES` and the central document. */
export const ExternalRoute = z.strictObject({
  prefix: Prefix,
  upstream: Upstream,
  access: Access,
  envelope: z.optional(
    z.boolean().check(
      z.meta({ description: "Whether JSON responses are wrapped in ApiResponse; default true" }),
    ),
  ),
  timeoutMs: z.optional(
    wholeNumber(1, maxTimeoutMs).check(
      z.meta({
        description:
          "Milliseconds until the response begins, at most the Passport's life; default 5000",
      }),
    ),
  ),
  maxBodyBytes: z.optional(
    wholeNumber(0, 1_073_741_824).check(
      z.meta({ description: "Longest request body in bytes; default 100 MiB" }),
    ),
  ),
  revocation: z.optional(Revocation.check(
    z.meta({
      description:
        "`strict`, or how old a revocation check may be, in milliseconds; default strict",
    }),
  )),
  rateLimited: z.optional(
    z.boolean().check(z.meta({ description: "Whether rate limits apply; default true" })),
  ),
  recheckMs: z.optional(
    wholeNumber(100, 900_000).check(
      z.meta({
        description: "Milliseconds between checks of an open event stream's token; default never",
      }),
    ),
  ),
  fallback: z.optional(
    z.strictObject({
      maxStaleSeconds: wholeNumber(1, 86_400).check(
        z.meta({
          description:
            "Maximum age, in seconds, of the caller's stored response that replaces a failed one; default none",
        }),
      ),
    }),
  ),
});
/** The route of a service outside of this product. */
export type ExternalRoute = z.infer<typeof ExternalRoute>;

/** `ROUTES`, of the gateway, and of the authority that checks a configuration against them. */
export const routesSetting = setting(z._default(json(z.array(ExternalRoute)), []), {
  meaning:
    "JSON array that puts other services behind the gateway; [its members](reference.md#routes)",
  without: "`[]`",
});

/** The route table's path for a prefix: the prefix and everything below it. */
export function toRoutePath(prefix: string): string {
  return prefix === "/" ? "/*" : `${prefix.replace(/\/$/, "")}/*`;
}

/** Conflicts between rows, and between a row and the Passport's life. */
export function findRouteFaults(
  routes: readonly ExternalRoute[],
  { passportTtlSeconds }: { readonly passportTtlSeconds: number },
): { readonly path: (string | number)[]; readonly message: string }[] {
  const seen = new Set<string>();
  return routes.flatMap(({ prefix, timeoutMs = defaultTimeoutMs }, at) => {
    const path = toRoutePath(prefix);
    const isDuplicate = seen.has(path);
    seen.add(path);
    return [
      ...(isDuplicate ? [{ path: [at, "prefix"], message: "must not be there twice" }] : []),
      ...(timeoutMs > passportTtlSeconds * 1000
        ? [{ path: [at, "timeoutMs"], message: "must be at most the Passport's life" }]
        : []),
    ];
  });
}

/** The longest `timeoutMs` of each upstream's rows, by its host, the name of its dependency. */
export function longestTimeouts(routes: readonly ExternalRoute[]): Map<string, number> {
  const longest = new Map<string, number>();
  for (const { upstream, timeoutMs = defaultTimeoutMs } of routes) {
    const { host } = new URL(upstream);
    longest.set(host, Math.max(timeoutMs, longest.get(host) ?? 0));
  }
  return longest;
}

/** A limit of requests per window. */
export const Limit = z.strictObject({
  limit: wholeNumber(1, 1_000_000_000).check(
    z.meta({ description: "Permitted requests in a window" }),
  ),
  windowSeconds: wholeNumber(1, 86_400).check(z.meta({ description: "Length of the window" })),
});
/** A limit of requests per window. */
export type Limit = Readonly<z.infer<typeof Limit>>;

/** Rate limits of one caller; an omitted limit does not apply. */
export const RateLimits = z.strictObject({
  address: z.optional(Limit.check(
    z.meta({ description: "Limit of one network: an IPv4 address, or the /64 of an IPv6 address" }),
  )),
  person: z.optional(Limit.check(z.meta({ description: "Limit of one person, over all routes" }))),
  routes: z.optional(
    z.record(RoutePath, Limit).check(
      z.meta({ description: "Limit of one person or network on one route, by its path" }),
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
          "External services, besides those of the environment; replaces a route with the " +
          "same prefix",
        env: "ROUTES",
      }),
    ),
  ),
  revocation: z.optional(
    z.record(RoutePath, Revocation).check(
      z.meta({ description: "How old a revocation check may be, by the path of a route" }),
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
