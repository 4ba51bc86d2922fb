import * as z from "zod/mini";
import { explainIssue } from "../composition/setting_errors.ts";
import {
  Dependencies,
  type ExternalRoute,
  GatewaySection,
  Level,
  longestTimeouts,
  toRoutePath,
} from "./gateway_section.ts";
import { KeysSection, PassportSection } from "./keys_section.ts";

/** The settings of a service in addition to those that every service has. */
export type ServiceShape = Readonly<Record<string, z.ZodMiniType>>;

/** The central document: every part is optional, and an omitted setting has its default. */
export interface ConfigurationDocument {
  /** The gateway's settings. */
  readonly gateway?: GatewaySection | undefined;
  /** Each service's settings, by the service's name. */
  readonly services?: Readonly<Record<string, unknown>> | undefined;
  /** States of keys, and public keys. */
  readonly keys?: KeysSection | undefined;
  /** The Passports that are sent and accepted. */
  readonly passport?: PassportSection | undefined;
}

/**
 * The strict schema of the central document: a misspelled name is refused, not ignored.
 *
 * `services` has the settings of each service of the product, by its name. `routed` has the longest
 * `timeoutMs` of the product's own routes, by the name of their service; `routes` has the gateway's
 * own, those of its variable `ROUTES`, where the authority knows them.
 */
export function createDocumentSchema(
  services: Readonly<Record<string, ServiceShape>>,
  { routed = {}, routes = [] }: {
    readonly routed?: Readonly<Record<string, number>>;
    readonly routes?: readonly ExternalRoute[];
  } = {},
): z.ZodMiniType<ConfigurationDocument> {
  const sections = Object.fromEntries(
    Object.entries(services).map(([name, own]) => [name, z.optional(toServiceSchema(own))]),
  );
  return z.strictObject({
    gateway: z.optional(GatewaySection),
    services: z.optional(z.strictObject(sections)),
    keys: z.optional(KeysSection),
    passport: z.optional(PassportSection),
  }).check((context) => {
    for (const { path, message } of findSlowCallFaults(context.value.gateway, { routed, routes })) {
      context.issues.push({ code: "custom", input: context.value, path, message });
    }
  });
}

/**
 * A breaker must not count a call as slow while its route still waits for the response. Only a new
 * document is refused for this. A current one stays valid, and the gateway uses its routes'
 * timeouts.
 *
 * Of the environment's routes those count that the document leaves as they are: none that it
 * replaces, and none for longer than its own life of a Passport, at which the gateway ends a call.
 */
function findSlowCallFaults(
  { dependencies = {}, routes: central = [], passportTtlSeconds = 300 }: GatewaySection = {},
  { routed, routes }: {
    readonly routed: Readonly<Record<string, number>>;
    readonly routes: readonly ExternalRoute[];
  },
): { readonly path: string[]; readonly message: string }[] {
  const replaced = new Set(central.map(({ prefix }) => toRoutePath(prefix)));
  const left = routes.filter(({ prefix }) => !replaced.has(toRoutePath(prefix)));
  const longest = new Map([...Object.entries(routed), ...longestTimeouts([...left, ...central])]);
  return Object.entries(dependencies).flatMap(([name, { breaker }]) => {
    const limitMs = longest.get(name);
    if (limitMs === undefined) return [];
    const timeoutMs = Math.min(limitMs, passportTtlSeconds * 1000);
    if ((breaker?.slowCallMs ?? timeoutMs) >= timeoutMs) return [];
    return [{
      path: ["gateway", "dependencies", name, "breaker", "slowCallMs"],
      message: `must be at least the longest timeoutMs of its routes, ${timeoutMs}`,
    }];
  });
}

/** The schema of one service's part of the central document. */
export function toServiceSchema<Own extends ServiceShape>(own: Own) {
  return z.strictObject({
    logLevel: z.optional(Level),
    dependencies: z.optional(Dependencies),
    ...own,
  });
}

/** One fault of a document. It does not quote the value, which may be a secret. */
export interface ConfigurationFault {
  /** Dotted path; empty for the document itself. */
  readonly path: string;
  /** What is wrong there. */
  readonly message: string;
}

/** A valid document, or its faults. */
export type ConfigurationReading =
  | { readonly document: ConfigurationDocument }
  | { readonly faults: readonly ConfigurationFault[] };

/** Limits the size of the response for a document with very many faults. */
const namedFaults = 50;

/** Validates a new document; no name in it may look like a secret. */
export function readDocument(
  schema: z.ZodMiniType<ConfigurationDocument>,
  value: unknown,
): ConfigurationReading {
  const secrets = findSecretNames(value).map((path) => ({
    path: toPath(path),
    message: "must not be here: secrets belong among the deployment's own",
  }));
  const { success, data, error } = z.safeParse(schema, value);
  if (success && secrets.length === 0) return { document: data };
  const misfits = error?.issues.flatMap(toFaults) ?? [];
  const named = new Set(secrets.map(({ path }) => path));
  const faults = [...secrets, ...misfits.filter(({ path }) => !named.has(path))];
  return { faults: faults.slice(0, namedFaults) };
}

function toFaults(issue: z.core.$ZodIssue): ConfigurationFault[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: toPath([...path, key]), message: "is unknown" }));
  }
  const [inner] = issue.code === "invalid_key" ? issue.issues : [];
  return [{ path: toPath(path), message: explainIssue(inner ?? issue) }];
}

/** A part that is not a plain name is not echoed: it could be a piece of a value. */
function toPath(path: readonly PropertyKey[]): string {
  return path.map(String).map((part) => isName(part) ? part : "…").join(".");
}

/** A member's name, a route's path, or the host and port of a dependency. */
function isName(part: string): boolean {
  return /^[\w/{}*.-]{1,100}$/.test(part) ||
    /^(?:[a-z0-9.-]{1,100}|\[[0-9a-f:.]{2,39}\]):\d{1,5}$/.test(part);
}

/** Typical names of secrets; no name of the document itself matches. */
const secretName =
  /secret|passw(or)?d|passphrase|pwd|private|credential|authorization|cookie|(api|signing|encryption)[-_]?key|token$|(^|[-_])jwt$/i;

/** Members of a private or shared JWK (RFC 7518 §6, RFC 8037 §2). */
const privateMembers = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] as const;

/** Maps whose names operators choose, for keys and dependencies; their values are never secret. */
const ownNames = /^(keys\.(access|passport)|.*\bdependencies)$/;

type Path = readonly (string | number)[];

/**
 * The paths in a document whose name looks like a secret, or that are private members of a JWK. A
 * route's path, a key's `kid` and a dependency's name do not count.
 */
export function findSecretNames(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null || at.length > 16) return [];
  const isKey = "kty" in value;
  const isNamed = !Array.isArray(value) && !ownNames.test(at.join("."));
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...at, Array.isArray(value) ? Number(name) : name];
    const isSecret = (isKey && privateMembers.some((one) => one === name)) ||
      (isNamed && !name.startsWith("/") && secretName.test(name));
    return isSecret ? [path] : findSecretNames(member, path);
  });
}
