import type * as z from "zod/mini";
import {
  type Bindings,
  ConfigError,
  type DeclaredSetting,
  listSettings,
} from "../composition/settings.ts";
import type { Upstream } from "../composition/upstream.ts";
import type {
  EventHandlers,
  Eventing,
  EventsEffects,
  EventTable,
  Outbox,
  ReconciliationRows,
} from "../events/mod.ts";
import type { ServiceApp } from "./api.ts";
import type { ServiceClient } from "./client.ts";
import type { DeclaredRoute, Export } from "./route.ts";
import type { ServiceConfiguration, ServiceRuntime } from "./service_runtime.ts";
import type { Logger } from "../log.ts";
import type { Policies } from "../resilience/mod.ts";
import type { SqlDb } from "../sql/mod.ts";

/** The schemas that read a service's own settings, each declared by `setting`. */
export type SettingsShape = Readonly<Record<string, z.ZodMiniType>>;

/** The values of a service's own settings. */
export type SettingsOf<Shape extends SettingsShape> = z.output<z.ZodMiniObject<Shape>>;

/** What a service is made of. */
export interface ServiceContext<
  Table extends EventTable,
  Name extends string,
  Called extends string,
  Shape extends SettingsShape,
> {
  /** The service's own database; a service without one must not use it. */
  readonly sql: SqlDb;
  /** For the stores: a change and its event are written in one batch. */
  readonly outbox: Outbox<Table, Name>;
  /** Calls the services that the declaration names, in the name of the request's caller. */
  readonly client: ServiceClient<Called>;
  /**
   * Reads what the other services store about the request's subject, by service; for a declaration
   * with `collectsExports`.
   *
   * @throws {Problem} of the first that fails: an incomplete export must not look complete
   */
  readonly collectExports: () => Promise<Readonly<Record<string, Export>>>;
  /** The values of its own settings. */
  readonly settings: SettingsOf<Shape>;
  /** Its section of the central configuration, current at each request. */
  readonly configuration: ServiceConfiguration;
  /** The call policies of all dependencies, current at each call. */
  readonly policies: Policies;
  /** The service's logger. */
  readonly log: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A new resource id, a UUIDv7: ids sort by the time in epoch milliseconds, by default now. */
  readonly newId: (now?: number) => string;
  /** Everything that the deployment gave, for services that read more than their own settings. */
  readonly bindings: Bindings;
  /** What the service runs in: trust domain, telemetry, further loggers. */
  readonly runtime: ServiceRuntime;
  /** Processors that work besides requests may occupy, where the runtime knows. */
  readonly processors?: number | undefined;
}

/** What a service does, as its declaration's `create` returns it. */
export interface ServiceParts<Table extends EventTable, Name extends string> {
  /** The routes below each path. */
  readonly routes: Readonly<Record<string, ServiceApp | readonly ServiceApp[]>>;
  /** The events of other services that it consumes; the table of consumers is made of it. */
  readonly on?: EventHandlers<Table>;
  /** Checks of `/readyz`, by name; a check that throws makes the service not ready. */
  readonly ready?: Readonly<Record<string, () => Promise<void>>>;
  /** Everything that it stores about a person, for the person's export. */
  readonly readExport?: (personId: string) => Promise<Export>;
  /** What it publishes and projects, as queries of its tables: consumers are compared with it. */
  readonly reconciliation?: ReconciliationRows<Table, Name>;
  /** Paths that require no Passport. */
  readonly open?: readonly string[];
  /** What only the use of its settings shows, without any I/O; doctor calls it. */
  readonly checkSettings?: () => Promise<void>;
  /** Before the first request, after the check of its events. */
  readonly start?: () => Promise<void>;
  /** Scheduled maintenance, before that of its events, which may take long. */
  readonly maintain?: () => Promise<void>;
  /** The part of the maintenance that must not wait for a long run. */
  readonly maintainUrgent?: () => Promise<void>;
}

/** The declaration of a service: everything else about it is derived or generated. */
export interface ServiceDeclaration<
  Table extends EventTable,
  Name extends string,
  Called extends string,
  Shape extends SettingsShape,
> {
  /** The name of its folder: lower-case letters. Logs, settings and addresses have it. */
  readonly name: Name;
  /** What it is for, in the OpenAPI document. */
  readonly description: string;
  /** Whether it has a database of its own, `<NAME>_DB`, with the tables of `migrations/`. */
  readonly database?: boolean;
  /** Names of the services that it calls. */
  readonly calls?: readonly Called[];
  /** Its own settings, in addition to those that every service has. */
  readonly settings?: Shape;
  /** What it stores about a person, for the OpenAPI document; `readExport` returns it. */
  readonly exports?: string;
  /** Whether it serves a person's whole export, so that it may call every service with a part. */
  readonly collectsExports?: boolean;
  /** What its scheduled maintenance does, in the Wrangler file. */
  readonly maintenance?: string;
  /** Wires its parts; called once for an instance, without any I/O. */
  create(context: ServiceContext<Table, Name, Called, Shape>): ServiceParts<Table, Name>;
}

/** What a service is composed with, besides the deployment's bindings. */
export interface ComposeServiceOptions {
  /** Services of this isolate, by the binding that would place them elsewhere. */
  readonly local?: Readonly<Record<string, Upstream>> | undefined;
  /** Replaces the runtime that the bindings would make. */
  readonly runtime?: ServiceRuntime;
  /** Replaces effects of its events. */
  readonly events?: EventsEffects;
  /** Processors that work besides requests may occupy. */
  readonly processors?: number | undefined;
}

/** The tables of a product that its services share. */
export interface Product<Table extends EventTable> {
  /** Every type of event. */
  readonly events: Table;
  /**
   * `eventing` of `@edgepass/shared/events`. Passed in, because importing it brings QStash's rules
   * and drizzle-orm: a program with one route and no database would start by a fifth slower.
   */
  readonly eventing: Eventing;
  /** The call policy of each dependency. */
  readonly policies: Policies;
  /** What each service that has a part in a person's export stores, by service. */
  readonly exports?: Readonly<Record<string, string>>;
  /** The names of all services; without them a call to an unknown one is not noticed. */
  readonly services?: readonly string[];
  /** The folder of a service, with a slash at its end, for messages about its declaration. */
  readonly folderOf?: (name: string) => string;
}

/** What a service declares before it is made. */
export function toDeclared(
  { calls = [], exports, settings = {} }: {
    readonly calls?: readonly string[];
    readonly exports?: string;
    readonly settings?: SettingsShape;
  },
): Declared {
  return { calls, exports, settings: listSettings(settings) };
}

/** The setting or binding that places a service. */
export function toPlace(name: string): string {
  return name.toUpperCase();
}

/** The setting or binding of a service's database. */
export function toDatabase(name: string): string {
  return `${toPlace(name)}_DB`;
}

/** What a service declares before it is made. */
export interface Declared {
  /** Names of the services that it calls, without those whose exports it collects. */
  readonly calls: readonly string[];
  /** What it stores about a person; undefined where it has no part in a person's export. */
  readonly exports: string | undefined;
  /** Its own settings. */
  readonly settings: readonly DeclaredSetting[];
}

/** What the parts of a service say about it. */
export interface ServiceDescription {
  /** The paths below which its routes are. */
  readonly prefixes: readonly string[];
  /** Its documented routes. */
  readonly routes: readonly DeclaredRoute[];
  /** The types of event that it handles. */
  readonly consumes: readonly string[];
  /** Whether it has a part in a person's export. */
  readonly hasExport: boolean;
}

/**
 * Contradictions of a declaration, one line each, that names file and member.
 *
 * @param folder the service's, with a slash at its end
 * @param services every service of the product; undefined where that is unknown
 */
export function findDeclarationFaults(
  folder: string,
  { calls, settings }: Declared,
  services: readonly string[] | undefined,
): string[] {
  const file = `${folder}service.ts`;
  return [
    ...calls.filter((called) => services?.includes(called) === false)
      .map((called) => `${file}: calls: there is no service "${called}"`),
    ...settings.filter((one) => one.secret === true && one.default !== undefined)
      .map(({ name }) => `${file}: settings: ${name} is a secret and has a default`),
  ];
}

/** Contradictions between a declaration and the parts that its `create` returned. */
export function findPartFaults(
  folder: string,
  { exports }: Declared,
  { consumes, hasExport }: Pick<ServiceDescription, "consumes" | "hasExport">,
  published: readonly string[],
): string[] {
  const file = `${folder}service.ts`;
  return [
    ...(hasExport && exports === undefined
      ? [`${file}: exports: readExport returns what no member \`exports\` describes`]
      : []),
    ...(!hasExport && exports !== undefined
      ? [`${file}: exports: create returns no readExport`]
      : []),
    ...consumes.filter((type) => !published.includes(type))
      .map((type) => `${file}: on: no service publishes "${type}"`),
  ];
}

/**
 * Routes without an access rule, one line each: the gateway would have none to check, and the
 * service would admit every caller.
 */
export function findRouteFaults(folder: string, routes: readonly DeclaredRoute[]): string[] {
  return routes.filter(({ rule }) => rule === undefined)
    .map(({ method, path }) =>
      `${folder}routes.ts: ${method} ${path}: the route has no access rule`
    );
}

/** What the parts say, without their routes, which have a path only once they are mounted. */
export function describeParts(
  { routes, on = {}, readExport }: {
    readonly routes: object;
    readonly on?: object;
    readonly readExport?: unknown;
  },
): Omit<ServiceDescription, "routes"> {
  return {
    prefixes: Object.keys(routes),
    consumes: Object.keys(on),
    hasExport: readExport !== undefined,
  };
}

/**
 * Refuses what contradicts itself.
 *
 * @throws {ConfigError} with every fault, in one line
 */
export function requireNoFaults(faults: readonly string[]): void {
  if (faults.length > 0) throw new ConfigError(`Cannot start: ${faults.join("; ")}`);
}
