import * as z from "zod/mini";
import { explainIssue } from "../config.ts";
import { Dependencies } from "./dependencies.ts";
import { GatewaySection } from "./gateway_section.ts";
import { KeysSection, PassportSection } from "./keys_section.ts";
import { longestTimeouts } from "./routes.ts";
import { findSecretNames } from "./secrets.ts";
import { Level } from "./values.ts";

/** The settings a service of the product adds to those that every service has. */
export type ServiceShape = Readonly<Record<string, z.ZodMiniType>>;

/** The central document: every part is optional, and what it leaves out stays as it was. */
export interface ConfigurationDocument {
  /** What the gateway takes from it. */
  readonly gateway?: GatewaySection | undefined;
  /** What each service takes from it, by the service's name. */
  readonly services?: Readonly<Record<string, unknown>> | undefined;
  /** States of keys, and public keys. */
  readonly keys?: KeysSection | undefined;
  /** Which profiles of the Passport are sent and taken. */
  readonly passport?: PassportSection | undefined;
}

/**
 * The schema of the whole central document, strict: a name written wrong is refused, not ignored.
 *
 * `services` is the product's table: the settings of each service by its name; `routed` is the longest
 * `timeoutMs` of the product's own routes, by the name of the service they lead to.
 */
export function createDocumentSchema(
  services: Readonly<Record<string, ServiceShape>>,
  { routed = {} }: { readonly routed?: Readonly<Record<string, number>> } = {},
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
    for (const { path, message } of findImpatientLimits(context.value.gateway, routed)) {
      context.issues.push({ code: "custom", input: context.value, path, message });
    }
  });
}

/**
 * A breaker must not find slow what a route still waits for. Only a new document is refused for it:
 * one that is in force already keeps all else it says, and the gateway holds to its routes.
 */
function findImpatientLimits(
  { dependencies = {}, routes = [] }: GatewaySection = {},
  routed: Readonly<Record<string, number>>,
): { readonly path: string[]; readonly message: string }[] {
  const longest = new Map([...Object.entries(routed), ...longestTimeouts(routes)]);
  return Object.entries(dependencies).flatMap(([name, { breaker }]) => {
    const timeoutMs = longest.get(name);
    if (timeoutMs === undefined || (breaker?.slowCallMs ?? timeoutMs) >= timeoutMs) return [];
    return [{
      path: ["gateway", "dependencies", name, "breaker", "slowCallMs"],
      message: `must be at least the longest timeoutMs of its routes, ${timeoutMs}`,
    }];
  });
}

/** What the central document may say of one service. */
export function toServiceSchema<Own extends ServiceShape>(own: Own) {
  return z.strictObject({
    logLevel: z.optional(Level),
    dependencies: z.optional(Dependencies),
    ...own,
  });
}

/** One thing that does not fit; `path` is dotted, and no value is quoted. */
export interface ConfigurationFault {
  /** Dotted, empty for the document itself. */
  readonly path: string;
  /** What does not fit. */
  readonly message: string;
}

/** A document that fits, or why it does not. */
export type ConfigurationReading =
  | { readonly document: ConfigurationDocument }
  | { readonly faults: readonly ConfigurationFault[] };

/** More faults than these are a mistake of another kind, and would be a long answer. */
const namedFaults = 50;

/** Reads a document that somebody wants to be in force; nothing in it may look like a secret. */
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

/** What is no name is not said again: it could be a part of a value. */
function toPath(path: readonly PropertyKey[]): string {
  return path.map(String).map((part) => isName(part) ? part : "…").join(".");
}

/** A member's name, a route's path, or a host and port as dependencies are named. */
function isName(part: string): boolean {
  return /^[\w/{}*.-]{1,100}$/.test(part) ||
    /^(?:[a-z0-9.-]{1,100}|\[[0-9a-f:.]{2,39}\]):\d{1,5}$/.test(part);
}
