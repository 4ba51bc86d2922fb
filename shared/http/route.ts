import { createRoute as createOpenApiRoute, type RouteConfig } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { PassportEnv, ServiceApp } from "./api.ts";
import { bodyProblems, idempotencyKey, problems } from "./openapi.ts";
import { type Passport, readSubject, type Subject } from "../passport/mod.ts";
import { Problem, type ProblemCode } from "../problem.ts";

/**
 * Who may call a route: everybody without an identity (`public`), everybody with the identity they
 * have (`optional`), people who are signed in, or people with one of the roles.
 */
export type Access = "public" | "optional" | "authenticated" | {
  readonly roles: readonly string[];
};

/** What the gateway does differently at a route; see `Route` of the gateway. */
export interface GatewayFacts {
  /** The response deletes the cookies of a login, even when the service fails. */
  readonly clearsCookies?: boolean;
  /** False: the response goes to the client as it is. */
  readonly envelope?: boolean;
  /** The response may set or delete the cookies of a login. */
  readonly identityProvider?: boolean;
  /** False: no limit counts its requests. */
  readonly rateLimited?: boolean;
}

/** The variables of a route that only people reach. */
export type PersonEnv = PassportEnv & { Variables: { user: UserPassport } };

/** A route as its service declares it. */
export interface DeclaredRoute {
  /** In upper case. */
  readonly method: string;
  /** The whole path, with `{parameters}`. */
  readonly path: string;
  /** Whether a caller may repeat it with `Idempotency-Key`. */
  readonly isRepeatable: boolean;
  /** Absent where the route was not made by `createRoute` of this module. */
  readonly rule?: { readonly access: Access; readonly gateway: GatewayFacts };
}

// A symbol: the OpenAPI document has every other member of a route, and JSON leaves symbols out.
const rule: unique symbol = Symbol.for("@edgepass/shared/route");

/** The middleware of a route for callers that are signed in; other routes have none. */
type Admission<Rule, Kinds> = Rule extends "public" | "optional" ? unknown
  : {
    readonly middleware: MiddlewareHandler<[Kinds] extends ["user"] ? PersonEnv : PassportEnv>;
  };

/**
 * Declares a route and who may call it, once: the gateway's table is generated from `access`, and
 * the service requires the same of each caller before it reads anything else of the request. Where
 * `access` requires a person, the handler has it as `c.var.user`. With `subjects` programs may call
 * it too; they have no `c.var.user`, so the handler reads `c.var.passport`.
 *
 * `problems` are the codes of its responses besides those that follow from the declaration: of the
 * access rule, of a body, and of a query.
 */
export function createRoute<
  Path extends string,
  const Rule extends Access,
  Config extends Omit<RouteConfig, "path" | "middleware"> & { path: Path },
  const Kinds extends "user" | "client" | "key" = "user",
>(
  config: Config & {
    readonly access: Rule;
    readonly subjects?: readonly Kinds[];
    readonly gateway?: GatewayFacts;
    readonly problems?: readonly ProblemCode[];
  },
) {
  const { access, gateway = {}, subjects = ["user"] } = config;
  const middleware = isOpen(access) ? {} : { middleware: admit(access, subjects) };
  const responses = { ...config.responses, ...problems(...listProblems(config)) };
  const route = createOpenApiRoute<Path, Config>({ ...config, responses });
  // What stayed in it would be in the OpenAPI document.
  for (const member of ["access", "gateway", "problems", "subjects"]) {
    Reflect.deleteProperty(route, member);
  }
  return Object.assign(route, middleware as Admission<Rule, Kinds>, {
    [rule]: { access, gateway },
  });
}

function listProblems(
  { access, request, problems = [] }: Pick<RouteConfig, "request"> & {
    readonly access: Access;
    readonly problems?: readonly ProblemCode[];
  },
): Iterable<ProblemCode> {
  return new Set<ProblemCode>([
    ...request?.body ? bodyProblems : [],
    ...request?.query ? ["validation_failed" as const] : [],
    ...isOpen(access) ? [] : ["authentication_required", "forbidden"] as const,
    ...problems,
  ]);
}

function isOpen(access: Access): access is "public" | "optional" {
  return access === "public" || access === "optional";
}

/**
 * The gateway checks the roles too, but a service must not rely on that: another caller may reach
 * it. The kinds are checked here alone: the gateway does not know what belongs to people.
 */
function admit(
  access: "authenticated" | { readonly roles: readonly string[] },
  kinds: readonly Subject["kind"][],
) {
  return createMiddleware<PersonEnv>(async function admit(c, next) {
    const { passport } = c.var;
    requireSubject(passport, ...kinds);
    if (access !== "authenticated" && !hasRole(passport, ...access.roles)) {
      throw new Problem("forbidden");
    }
    const { userId } = passport;
    if (userId !== undefined) c.set("user", { ...passport, userId });
    await next();
  });
}

/** The documented routes of a service, with what they declare. */
export function readRoutes(app: ServiceApp): readonly DeclaredRoute[] {
  return app.openAPIRegistry.definitions.flatMap((one) => {
    if (one.type !== "route") return [];
    const { method, path, request }: RouteConfig = one.route;
    const declared = readRule(one.route);
    return [{
      method: method.toUpperCase(),
      path,
      isRepeatable: request?.headers === idempotencyKey.headers,
      ...(declared ? { rule: declared } : {}),
    }];
  });
}

function readRule(route: RouteConfig & { [rule]?: DeclaredRoute["rule"] }) {
  return route[rule];
}

/** A Passport whose subject is a person. */
export type UserPassport = Passport & { readonly userId: string };

/**
 * Requires that the caller is a person, and returns that Passport.
 *
 * @throws {Problem} `authentication_required` for anonymous callers, `forbidden` for services,
 * clients and API keys
 */
export function requireUser(passport: Passport): UserPassport {
  const { userId } = passport;
  if (userId !== undefined) return { ...passport, userId };
  throw new Problem(passport.sub === "anon" ? "authentication_required" : "forbidden");
}

/**
 * Requires that the caller is a person with one of the roles, and returns that Passport.
 *
 * @throws {Problem} `authentication_required` or `forbidden`
 */
export function requireRole(passport: Passport, ...roles: readonly string[]): UserPassport {
  const user = requireUser(passport);
  if (!hasRole(user, ...roles)) throw new Problem("forbidden");
  return user;
}

/**
 * Requires that the caller is of one of these kinds, and returns its subject. For operations that
 * programs may call too; their roles are checked by {@link hasRole}.
 *
 * @throws {Problem} `authentication_required` for anonymous callers, `forbidden` for other kinds
 */
export function requireSubject<const Kind extends Subject["kind"]>(
  passport: Passport,
  ...kinds: readonly Kind[]
): Extract<Subject, { readonly kind: Kind }> {
  const subject = readSubject(passport);
  if (isOfKind(subject, kinds)) return subject;
  throw new Problem(subject.kind === "anonymous" ? "authentication_required" : "forbidden");
}

function isOfKind<Kind extends Subject["kind"]>(
  subject: Subject,
  kinds: readonly Kind[],
): subject is Extract<Subject, { readonly kind: Kind }> {
  return kinds.some((kind) => kind === subject.kind);
}

/** Whether a Passport has one of the roles. */
export function hasRole(passport: Passport, ...roles: readonly string[]): boolean {
  return roles.some((role) => passport.roles.includes(role));
}

/**
 * A caller's name in an audit: a user's id, and the whole subject of any other. So is that of a user
 * whose issuer's alias reads as another kind: nobody acts under a program's name.
 */
export function actorOf({ sub, userId }: Passport): string {
  return userId === undefined || /^(svc|client|key):/.test(userId) ? sub : userId;
}

/** A person's data in a service, with plain field names and without secrets. */
export type Export = Readonly<Record<string, unknown>>;

/**
 * Adds `GET /internal/export`: the service's data about the calling person.
 *
 * The gateway has no route to it. The service that merges the parts calls it with the person's own
 * Passport, so that no caller can export the data of another person.
 */
export function addExportRoute(
  app: ServiceApp,
  readExport: (personId: string) => Promise<Export>,
): void {
  app.get(
    "/internal/export",
    async (c) => c.json(await readExport(requireUser(c.var.passport).userId)),
  );
}

/** Formats the time of a row for an export. */
export function toTime(epochMs: number): string;
/** Formats the time of a row for an export. */
export function toTime(epochMs: number | null): string | null;
export function toTime(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
