import type { AccessRule, Route } from "@edgepass/gateway";
import { eventServices, places } from "./generated/routes.ts";

export { places, routes } from "./generated/routes.ts";

/** Variable or binding that places a service of the product. */
export type ServiceName = keyof typeof places;

/** A row of the route table, with the service's name instead of the service. */
export type Row =
  & Pick<
    Route,
    | "access"
    | "clearsCookies"
    | "encodedBody"
    | "envelope"
    | "identityProvider"
    | "maxBodyBytes"
    | "rateLimited"
  >
  & {
    readonly service: ServiceName;
  };

/** A failure callback carries the event and the last response, both as base64. */
const delivery = {
  access: { POST: "public" },
  envelope: false,
  // The signature covers the encoded bytes, so the body must reach the service unchanged.
  encodedBody: false,
  maxBodyBytes: 262_144,
  // QStash calls from few addresses, and retries what is refused.
  rateLimited: false,
} as const;

/**
 * Where QStash delivers events and reports failed deliveries. No client calls these routes, so they
 * are not in the OpenAPI document; the service requires QStash's signature and refuses other
 * callers.
 */
export const deliveryRoutes: Readonly<Record<string, Row>> = Object.fromEntries(
  eventServices.flatMap((service) =>
    [`/events/${places[service]}`, `/events/${places[service]}/failed`]
      .map((path) => [path, { service, ...delivery }])
  ),
);

const admin: AccessRule = { roles: ["admin"] };

const eventAdministration = {
  access: { GET: admin, POST: admin, DELETE: admin },
  rateLimited: false,
} as const;

/**
 * The event routes of administrators, used mainly by `deno task dlq`. No client calls them, so
 * `docs/events.md` is their only documentation.
 */
export const eventAdminRoutes: Readonly<Record<string, Row>> = Object.fromEntries(
  eventServices.map((service) => [
    `/admin/events/${places[service]}/*`,
    { service, ...eventAdministration },
  ]),
);
