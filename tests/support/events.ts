import { createEvents, type EventsEffects, type EventTable } from "@edgepass/shared/events";
import { createLogger } from "@edgepass/shared/context";
import { migrate, type SqlDb } from "@edgepass/shared/sql";
import { openNodeSqlite, type OpenSqlDb } from "../../shared/sql/node_sqlite.ts";
import { createTelemetry } from "@edgepass/shared/telemetry";
import {
  createFakeQstash,
  eventBindings,
  type FakeQstash,
  type SignatureOverrides,
  signDelivery,
} from "./fake_qstash.ts";
import { createClock } from "./services.ts";

export * from "./fake_qstash.ts";

/** The event tables, and further tables of a test. */
export async function openEventTables(more = ""): Promise<OpenSqlDb & Disposable> {
  const tables = await Deno.readTextFile(
    new URL("../../shared/events/tables.sql", import.meta.url),
  );
  const database = openNodeSqlite(":memory:");
  const own = more === "" ? [] : [{ name: "2_own.sql", sql: more }];
  await migrate(database, [{ name: "1_events.sql", sql: tables }, ...own]);
  return { ...database, [Symbol.dispose]: () => database.close() };
}

/** The dependencies that a service passes to its events, with their observable effects. */
export function createEventStarter(start?: number) {
  const clock = createClock(start);
  const lines: Record<string, unknown>[] = [];
  const runtime = {
    now: clock.now,
    telemetry: createTelemetry({}, { runtime: "deno", log: () => {}, now: clock.now }),
    createLogger: (service: string) =>
      createLogger({ service, now: clock.now, sink: (line) => void lines.push(JSON.parse(line)) }),
  };
  return { clock, lines, runtime };
}

/** The events of one service on the test's database. */
export function createTestEvents<Table extends EventTable, const Service extends string>(
  { service, table, sql, qstash = createFakeQstash(), start, bindings = eventBindings, ...effects }:
    & {
      service: Service;
      table: Table;
      sql: SqlDb;
      qstash?: FakeQstash;
      start?: number;
      bindings?: Readonly<Record<string, string>>;
    }
    & EventsEffects,
) {
  const { clock, lines, runtime } = createEventStarter(start);
  const events = createEvents(
    { service, table, sql, bindings, runtime },
    { fetch: qstash.fetch, random: () => 0, ...effects },
  );
  const url = `${eventBindings.PUBLIC_ORIGIN}/events/${service}`;
  /** Delivers a body as QStash would. */
  const deliver = async (body: string, overrides: SignatureOverrides = {}) =>
    await events.receive({
      body: new TextEncoder().encode(body).buffer,
      signature: await signDelivery(url, body, { now: clock.now(), ...overrides }),
    });
  return { events, qstash, clock, lines, runtime, deliver, url };
}
