import { openQstash } from "@edgepass/local/qstash";
import { createEvents, type Events, type EventsOptions } from "@edgepass/shared/events";
import { Problem, toProblemResponse } from "@edgepass/shared/problem";
import { orm } from "@edgepass/shared/sql";
import { sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { createEventStarter, eventBindings, openEventTables } from "./events.ts";

/** The projection that a club stores about people. */
export const clubTable = {
  "person.named": {
    source: "/people",
    version: 1,
    facet: "name",
    consumers: ["club"],
    data: z.object({ name: z.string() }),
  },
} as const;

/** An event as published. */
export interface EventInput {
  readonly id?: string;
  readonly subject?: string;
  readonly sequence?: number;
  readonly name?: unknown;
  /** Epoch milliseconds. */
  readonly time: number;
}

/** The JSON of `person.named`; a name that is not a string makes it poison. */
export function sayName(
  { id = crypto.randomUUID(), subject = "p1", sequence = 1, name = "Ada", time }: EventInput,
): string {
  return JSON.stringify({
    specversion: "1.0",
    id,
    source: "/people",
    type: "person.named",
    subject,
    time: new Date(time).toISOString(),
    datacontenttype: "application/json",
    dataschema: "urn:edgepass:event:person.named:1",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    sequence: String(sequence).padStart(20, "0"),
    data: { name },
  });
}

const people =
  "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, effects INTEGER NOT NULL DEFAULT 0)";
export const clubUrl = `${eventBindings.PUBLIC_ORIGIN}/events/club`;

/** How a club is unavailable: without a response, or with one. */
type Absence = () => Response;
/** How a fault replaces QStash's own response. */
type Fault = (request: Request) => Response | undefined;
type ClubEvents = Events<typeof clubTable, "club">;

/**
 * A club that receives events through a local QStash, both on one clock that only the test moves.
 */
export async function createClub() {
  const sql = await openEventTables(people);
  const { clock, lines, runtime } = createEventStarter();
  const calls: Request[] = [];
  const state: { absence?: Absence | undefined; fault?: Fault | undefined } = {};
  const askQstash = async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    calls.push(request.clone());
    return state.fault?.(request) ?? await qstash.handler(request);
  };
  const join = (bindings: Readonly<Record<string, string>>) =>
    joinClub({ sql, bindings, runtime }, askQstash);
  let events = join(eventBindings);
  const qstash = openQstash({
    token: eventBindings.QSTASH_TOKEN,
    path: ":memory:",
    keys: {
      current: eventBindings.QSTASH_CURRENT_SIGNING_KEY,
      next: eventBindings.QSTASH_NEXT_SIGNING_KEY,
    },
    now: clock.now,
    after: () => () => {},
    fetch: async (input, init) =>
      state.absence?.() ?? await receive(events, new Request(input, init)),
  });
  const ask = async (method: string, path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${eventBindings.QSTASH_TOKEN}`);
    const url = `${eventBindings.QSTASH_URL}${path}`;
    return await qstash.handler(new Request(url, { ...init, method, headers }));
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await qstash.step();
  };
  return {
    clock,
    /** The club's calls to QStash. */
    calls,
    lines,
    telemetry: runtime.telemetry,
    events: () => events,
    /** Calls QStash's API. */
    ask,
    /** Publishes as the publisher of events does. */
    async publish(body: string, url = clubUrl): Promise<void> {
      const response = await ask("POST", `/v2/publish/${url}`, {
        headers: {
          "upstash-retries": "5",
          "upstash-retry-delay": "min(20000, pow(2, retried) * 1000)",
          "upstash-failure-callback": `${url}/failed`,
        },
        body,
      });
      if (!response.ok) throw new Error(await response.text());
      await qstash.step();
    },
    /** Makes the club unavailable, or available again. */
    setAbsence: (absence?: Absence) => void (state.absence = absence),
    /** Replaces QStash's responses; undefined restores its own. */
    setFault: (fault?: Fault) => void (state.fault = fault),
    pass,
    /** Lets all attempts of pending deliveries fail, those of the failure callback too. */
    async giveUp(): Promise<void> {
      for (let attempt = 0; attempt < 12; attempt++) await pass(20_000);
    },
    step: () => qstash.step(),
    keys: () => qstash.keys(),
    /** Ends the process and starts another one with these settings. */
    restart: (bindings: Readonly<Record<string, string>>) => void (events = join(bindings)),
    /** Marks the subject as deleted in the club. */
    end: (subject: string) =>
      sql.run({ sql: "INSERT INTO ended_subjects VALUES (?, 0)", params: [subject] }),
    people: () => sql.run({ sql: "SELECT id, name, effects FROM people ORDER BY id", params: [] }),
    async [Symbol.asyncDispose]() {
      await qstash.close();
      sql[Symbol.dispose]();
    },
  };
}

function joinClub(
  options: Pick<EventsOptions<typeof clubTable, "club">, "sql" | "bindings" | "runtime">,
  fetch: (url: string, init: RequestInit) => Promise<Response>,
): ClubEvents {
  const events = createEvents({ service: "club", table: clubTable, ...options }, { fetch });
  const db = orm(options.sql);
  events.on({
    "person.named": ({ subject, data }) => [
      db.run(text`INSERT INTO people (id) VALUES (${subject}) ON CONFLICT DO NOTHING`),
      db.run(
        text`UPDATE people SET name = ${data.name}, effects = effects + 1 WHERE id = ${subject}`,
      ),
    ],
  });
  return events;
}

/** As a service's routes do it. */
async function receive(
  events: ClubEvents,
  request: Request,
): Promise<Response> {
  const delivery = {
    signature: request.headers.get("upstash-signature") ?? undefined,
    body: await request.arrayBuffer(),
  };
  try {
    if (request.url === `${clubUrl}/failed`) await events.receiveFailure(delivery);
    else await events.receive(delivery);
    return new Response();
  } catch (error) {
    return toProblemResponse(error instanceof Problem ? error : new Problem("internal"), "");
  }
}
