import type { AccessRule, Route } from "@edgepass/gateway";

/** Variable or binding that places a service of the product. */
export type ServiceName = "AUTH" | "USER" | "COURSE" | "ENROLLMENT" | "RECOMMENDATION";

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

const admin: AccessRule = { roles: ["admin"] };
const instructor: AccessRule = { roles: ["instructor"] };
const learner: AccessRule = { roles: ["learner"] };
const signedIn: AccessRule = "authenticated";

/** Not rate limited: an administrator who set a limit too low must be able to reset it. */
const operation = { service: "AUTH", rateLimited: false } as const;

/** Routes whose responses may set or clear a login's cookies. */
const login = { service: "AUTH", identityProvider: true } as const;

/**
 * Every operation of the learning platform, and the roles it requires. The service checks who owns
 * a resource; roles are checked here and again in the service.
 */
export const routes = {
  "/auth/signup": { service: "AUTH", access: { POST: "public" } },
  "/auth/login": { ...login, access: { POST: "public" } },
  "/auth/token": { service: "AUTH", access: { POST: "public" } },
  "/auth/refresh": { ...login, access: { POST: "public" } },
  "/auth/logout": { ...login, clearsCookies: true, access: { POST: "optional" } },
  "/auth/logout-all": { ...login, access: { POST: signedIn } },
  "/auth/password": { ...login, access: { POST: signedIn } },
  "/auth/sessions": { service: "AUTH", access: { GET: signedIn } },
  "/auth/sessions/{id}": { ...login, access: { DELETE: signedIn } },
  "/auth/accounts": { service: "AUTH", access: { GET: admin } },
  "/auth/accounts/{id}/roles": { service: "AUTH", access: { PUT: admin } },
  "/auth/accounts/{id}/disable": { service: "AUTH", access: { POST: admin } },
  "/auth/accounts/{id}/enable": { service: "AUTH", access: { POST: admin } },
  "/admin/configuration": { ...operation, access: { GET: admin, PUT: admin } },
  "/admin/configuration/history": { ...operation, access: { GET: admin } },
  "/admin/configuration/history/{version}": { ...operation, access: { GET: admin } },
  "/admin/configuration/rollback": { ...operation, access: { POST: admin } },
  "/.well-known/jwks.json": { service: "AUTH", access: { GET: "public" }, envelope: false },

  "/users/me": { service: "USER", access: { GET: signedIn, PATCH: signedIn, DELETE: signedIn } },
  "/users/me/export": { service: "ENROLLMENT", access: { GET: signedIn } },
  "/users/{id}": { service: "USER", access: { GET: signedIn } },

  "/courses": { service: "COURSE", access: { GET: "optional", POST: instructor } },
  "/courses/{id}": {
    service: "COURSE",
    access: { GET: "optional", PATCH: instructor, DELETE: instructor },
  },
  "/courses/{id}/publish": { service: "COURSE", access: { POST: instructor } },
  "/courses/{id}/lessons": { service: "COURSE", access: { POST: instructor } },
  "/courses/{id}/lessons/{lessonId}": {
    service: "COURSE",
    access: { PATCH: instructor, DELETE: instructor },
  },

  "/enrollments": { service: "ENROLLMENT", access: { GET: signedIn, POST: learner } },
  "/enrollments/{id}": { service: "ENROLLMENT", access: { GET: signedIn, DELETE: signedIn } },
  "/enrollments/{id}/lessons/{lessonId}": { service: "ENROLLMENT", access: { PUT: signedIn } },

  "/recommendations": { service: "RECOMMENDATION", access: { GET: signedIn } },
} as const satisfies Readonly<Record<string, Row>>;

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
export const deliveryRoutes = {
  "/events/auth": { service: "AUTH", ...delivery },
  "/events/auth/failed": { service: "AUTH", ...delivery },
  "/events/user": { service: "USER", ...delivery },
  "/events/user/failed": { service: "USER", ...delivery },
  "/events/course": { service: "COURSE", ...delivery },
  "/events/course/failed": { service: "COURSE", ...delivery },
  "/events/enrollment": { service: "ENROLLMENT", ...delivery },
  "/events/enrollment/failed": { service: "ENROLLMENT", ...delivery },
  "/events/recommendation": { service: "RECOMMENDATION", ...delivery },
  "/events/recommendation/failed": { service: "RECOMMENDATION", ...delivery },
} as const satisfies Readonly<Record<string, Row>>;

const eventAdministration = {
  access: { GET: admin, POST: admin, DELETE: admin },
  rateLimited: false,
} as const;

/**
 * The event routes of administrators, used mainly by `deno task dlq`. No client calls them, so
 * `docs/events.md` is their only documentation.
 */
export const eventAdminRoutes = {
  "/admin/events/auth/*": { service: "AUTH", ...eventAdministration },
  "/admin/events/user/*": { service: "USER", ...eventAdministration },
  "/admin/events/course/*": { service: "COURSE", ...eventAdministration },
  "/admin/events/enrollment/*": { service: "ENROLLMENT", ...eventAdministration },
  "/admin/events/recommendation/*": { service: "RECOMMENDATION", ...eventAdministration },
} as const satisfies Readonly<Record<string, Row>>;
