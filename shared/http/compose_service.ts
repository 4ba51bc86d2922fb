import * as z from "zod/mini";
import { type Bindings, readConfig } from "../composition/settings.ts";
import { livePolicies } from "../resilience/mod.ts";
import type { EventEndpoint, Events, EventTable } from "../events/mod.ts";
import type { SqlDb } from "../sql/mod.ts";
import { uuidv7 } from "../sql/rows.ts";
import { readSqlDb, sqlSource } from "../sql/open_sql_db.ts";
import {
  type Application,
  localUpstream,
  placeUpstream,
  type Upstream,
  upstreamSetting,
} from "../composition/upstream.ts";
import { collectExports, createClient } from "./client.ts";
import type { ServiceApp } from "./api.ts";
import { createService } from "./create_service.ts";
import {
  type ComposeServiceOptions,
  describeParts,
  findDeclarationFaults,
  findPartFaults,
  findRouteFaults,
  type Product,
  requireNoFaults,
  type ServiceDeclaration,
  type ServiceDescription,
  type ServiceParts,
  type SettingsOf,
  type SettingsShape,
  toDatabase,
  toDeclared,
  toPlace,
} from "./service_declaration.ts";
import { addExportRoute, readRoutes } from "./route.ts";
import { pruneStoredResponses } from "./idempotency.ts";
import { createServiceRuntime, type ServiceRuntime } from "./service_runtime.ts";

/** A composed service. */
export interface ServiceApplication extends Application {
  /** Its routes. */
  readonly app: ServiceApp;
  /** Its events; undefined for a service without any. */
  readonly events: EventEndpoint | undefined;
  /** What its parts say about it. */
  readonly description: ServiceDescription;
  /**
   * Checks the settings as far as that needs no I/O.
   *
   * @throws {ConfigError} for settings that fit their schemas and are of no use
   */
  checkSettings(): Promise<void>;
}

/** Whether the table assigns a type of event to a service, as its publisher or a consumer. */
export function hasEvents(table: EventTable, name: string): boolean {
  return Object.values(table).some(({ source, consumers }) =>
    source === `/${name}` || consumers.includes(name)
  );
}

/**
 * Composes a declared service from the deployment's bindings. Nothing is read or called yet.
 *
 * @throws {ConfigError} naming the settings that are missing or malformed, or file and member of a
 *   declaration that contradicts itself
 */
export function composeService<
  Table extends EventTable,
  Name extends string,
  Called extends string,
  Shape extends SettingsShape,
>(
  declaration: ServiceDeclaration<Table, Name, Called, Shape>,
  product: Product<Table>,
  bindings: Bindings,
  { local = {}, processors, ...effects }: ComposeServiceOptions = {},
): ServiceApplication {
  const { name } = declaration;
  const { eventing, folderOf = (own) => `${own}/` } = product;
  const declared = toDeclared(declaration);
  requireNoFaults(findDeclarationFaults(folderOf(name), declared, product.services));
  const calls = listCalls(declaration, product);
  const { sql, settings, places } = readSettings({ ...declaration, calls }, bindings);
  const services = toRecord(calls, (called) => {
    const setting = toPlace(called);
    return placeUpstream(setting, places[setting], local[setting]);
  });
  const { runtime = createServiceRuntime(bindings) } = effects;
  const events = hasEvents(product.events, name)
    ? eventing.createEvents(
      { service: name, table: product.events, sql, bindings, runtime },
      effects.events,
    )
    : undefined;
  const inputs = { bindings, sql, settings, services, runtime, events, processors };
  const parts = createParts(declaration, product, inputs);
  const own = describeParts(parts);
  requireNoFaults(findPartFaults(folderOf(name), declared, own, Object.keys(product.events)));
  events?.on(parts.on ?? {});
  if (events) eventing.reconcileRows(events.facets, sql, parts.reconciliation ?? {});
  const idempotency = declaration.database === false || !isRepeatable(parts) ? undefined : sql;
  const app = mountParts(declaration, parts, { runtime, events, idempotency });
  const description = { ...own, routes: readRoutes(app) };
  requireNoFaults(findRouteFaults(folderOf(name), description.routes));
  // Of every service with stored responses: they are personal data, and promised for 24 hours.
  const prune = idempotency && (() => pruneStoredResponses(idempotency, runtime.now()));
  const checkSettings = async () => await parts.checkSettings?.();
  return {
    app,
    events,
    description,
    checkSettings,
    ...toApplication(app, parts, { prune, events }),
  };
}

/** Describes a declared service; `bindings` need its settings, and open no database. */
export function describeService<
  Table extends EventTable,
  Name extends string,
  Called extends string,
  Shape extends SettingsShape,
>(
  declaration: ServiceDeclaration<Table, Name, Called, Shape>,
  product: Product<Table>,
  bindings: Bindings,
): ServiceDescription {
  const sql = unusableDatabase("a service that is only described has none");
  const silent = { fetch: () => new Response(null, { status: 503 }) };
  const calls = listCalls(declaration, product);
  const services = toRecord(calls, (called) => localUpstream(called, silent));
  const runtime = createServiceRuntime(bindings, { sink: () => {} });
  const settings = readOwn(declaration.settings, bindings);
  const inputs = { bindings, sql, settings, services, runtime };
  const parts = createParts(declaration, product, inputs);
  const routes = readRoutes(mountParts(declaration, parts, { runtime }));
  return { ...describeParts(parts), routes };
}

/** The services that it names, and those whose exports it collects; it reads its own part itself. */
function listCalls<Name extends string, Called extends string>(
  { name, calls = [], collectsExports = false }: {
    readonly name: Name;
    readonly calls?: readonly Called[];
    readonly collectsExports?: boolean;
  },
  { exports = {} }: Pick<Product<EventTable>, "exports">,
): string[] {
  const collected = collectsExports ? Object.keys(exports) : [];
  return [...new Set([...calls, ...collected])].filter((called) => called !== name);
}

/** Everything that `create` gets which the declaration itself does not have. */
interface Inputs<Table extends EventTable, Name extends string, Settings> {
  readonly bindings: Bindings;
  readonly sql: SqlDb;
  readonly settings: Settings;
  readonly services: Readonly<Record<string, Upstream>>;
  readonly runtime: ServiceRuntime;
  readonly events?: Events<Table, Name> | undefined;
  readonly processors?: number | undefined;
}

function createParts<
  Table extends EventTable,
  Name extends string,
  Called extends string,
  Shape extends SettingsShape,
>(
  { name, create, collectsExports = false }: ServiceDeclaration<Table, Name, Called, Shape>,
  { events: table, eventing, policies: defaults, exports = {} }: Product<Table>,
  { services, events, ...inputs }: Inputs<Table, Name, SettingsOf<Shape>>,
): ServiceParts<Table, Name> {
  const { runtime, sql } = inputs;
  const { now } = runtime;
  const configuration = runtime.configuration(name);
  const policies = livePolicies(configuration, defaults);
  const client = createClient<string>({ services, resilience: { policies }, now });
  const others = collectsExports ? Object.keys(exports).filter((other) => other !== name) : [];
  return create({
    ...inputs,
    outbox: events?.outbox ?? eventing.createOutbox({ service: name, table, sql, now }),
    client,
    collectExports: () => collectExports(client, others),
    configuration,
    policies,
    log: runtime.createLogger(name),
    now,
    newId: uuidv7,
  });
}

function mountParts<Table extends EventTable, Name extends string>(
  { name, description }: { readonly name: Name; readonly description: string },
  { routes, ready, open, readExport }: ServiceParts<Table, Name>,
  { runtime, events, idempotency }: {
    readonly runtime: ServiceRuntime;
    readonly events?: Events<Table, Name> | undefined;
    readonly idempotency?: SqlDb | undefined;
  },
): ServiceApp {
  const app = createService({
    name,
    description,
    runtime,
    events,
    idempotency,
    ...(ready ? { readiness: ready } : {}),
    ...(open ? { open } : {}),
  });
  for (const { path, api } of listMounts(routes)) app.route(path, api);
  if (readExport) addExportRoute(app, readExport);
  return app;
}

function listMounts(routes: ServiceParts<EventTable, string>["routes"]) {
  return Object.entries(routes).flatMap(([path, apis]) =>
    [apis].flat().map((api) => ({ path, api }))
  );
}

/** Whether one of its routes stores its response for a repeated request. */
function isRepeatable({ routes }: Pick<ServiceParts<EventTable, string>, "routes">): boolean {
  return listMounts(routes).some(({ api }) => readRoutes(api).some((one) => one.isRepeatable));
}

function toApplication(
  app: ServiceApp,
  parts: Pick<ServiceParts<EventTable, string>, "start" | "maintain" | "maintainUrgent">,
  { prune, events }: {
    readonly prune: (() => Promise<void>) | undefined;
    readonly events: { start(): Promise<void>; maintain(): Promise<void> } | undefined;
  },
): Application {
  const { maintainUrgent } = parts;
  return {
    fetch: app.fetch,
    async start() {
      await parts.start?.();
      await events?.start();
    },
    async maintain() {
      await parts.maintain?.();
      await prune?.();
      // Last, because a long backlog takes time; `maintainUrgent` does not wait for it.
      await events?.maintain();
    },
    ...(maintainUrgent ? { maintainUrgent } : {}),
  };
}

/** Reads database, places of called services and own settings, and reports all faults at once. */
function readSettings<Shape extends SettingsShape>(
  { name, database = true, calls = [], settings }: {
    readonly name: string;
    readonly database?: boolean;
    readonly calls?: readonly string[];
    readonly settings?: Shape;
  },
  bindings: Bindings,
) {
  const [place, token] = [toDatabase(name), `${toDatabase(name)}_TOKEN`];
  const databaseShape = { [place]: sqlSource, [token]: z.optional(z.string()) };
  const own: SettingsShape = database ? databaseShape : {};
  const placesShape = toRecord(calls.map(toPlace), () => z.optional(upstreamSetting));
  const read = readConfig(z.object({ ...own, ...placesShape, ...settings }), bindings);
  const address = read[token];
  return {
    sql: database
      ? readSqlDb(read[place], typeof address === "string" ? address : undefined)
      : unusableDatabase(`${name} declares that it has none`),
    places: readConfig(z.object(placesShape), bindings),
    settings: readOwn(settings, bindings),
  };
}

function readOwn<Shape extends SettingsShape>(
  shape: Shape | undefined,
  bindings: Bindings,
): SettingsOf<Shape> {
  // The output is the shape's; a declaration without settings has the empty one.
  return readConfig(z.object(shape ?? {}), bindings) as SettingsOf<Shape>;
}

function toRecord<Key extends string, Value>(
  keys: readonly Key[],
  make: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<Key, Value>;
}

/** A service without a database gets one that refuses, so that a wrong declaration is noticed. */
function unusableDatabase(why: string): SqlDb {
  const refuse = () => Promise.reject(new TypeError(`Cannot use a database: ${why}`));
  return { run: refuse, batch: refuse };
}
