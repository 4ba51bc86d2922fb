import assert from "node:assert/strict";
import { localUpstream } from "@edgepass/shared/configuration";
import { createServiceRuntime } from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/sql";
import user from "@edgepass/user";
import { type Context, Hono } from "hono";
import { Profile } from "../../services/user/schema.ts";
import {
  createFakeQstash,
  eventBindings,
  type SignatureOverrides,
  signDelivery,
} from "./events.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, expectJson, openDatabase, person } from "./services.ts";

export const annId = uuidv7();
export const bobId = uuidv7();
export const ann = person(annId, "learner");
export const bob = person(bobId, "learner");

/** Responds as auth does: two accounts, known by id, which can be closed permanently. */
export function createAccounts() {
  const names = new Map([[annId, "Ann"], [bobId, "Bob"]]);
  const closed = new Set<string>();
  const requests: string[] = [];
  const readSubject = (c: Context) => {
    const [, payload = ""] = (c.req.header("x-passport") ?? "").split(".");
    const { sub } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return String(sub).slice("user:".length);
  };
  const read = (c: Context, id: string) => {
    const name = names.get(id);
    return name === undefined ? c.body(null, 404) : c.json({ id, name, roles: ["learner"] });
  };
  const app = new Hono()
    .use(async (c, next) => {
      requests.push(`${c.req.method} ${c.req.path}`);
      await next();
    })
    .get("/internal/accounts/me", (c) => read(c, readSubject(c)))
    .get("/internal/accounts/:id", (c) => read(c, c.req.param("id")))
    .delete("/internal/accounts/me", (c) => {
      const id = readSubject(c);
      if (names.has(id)) closed.add(id);
      names.delete(id);
      return c.body(null, closed.has(id) ? 204 : 404);
    });
  return { app, names, requests };
}

/** The parts of auth's events about Ann that a test may change. */
export interface EventInput {
  readonly id?: string;
  readonly subject?: string;
  readonly sequence?: number;
  readonly data?: object;
}

/** An event as auth publishes it; `time` is the start of a test's clock. */
export function toEvent(
  type: string,
  { id = uuidv7(), subject = annId, sequence = 1, data = {} }: EventInput = {},
): string {
  return JSON.stringify({
    specversion: "1.0",
    id,
    source: "/auth",
    type,
    subject,
    time: "2026-03-01T09:30:00.000Z",
    datacontenttype: "application/json",
    dataschema: `urn:edgepass:event:${type}:1`,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    sequence: String(sequence).padStart(20, "0"),
    data,
  });
}

/** User with the test's own auth; `fault` may replace auth's responses. */
export async function setupUser() {
  const database = await openDatabase("user");
  const clock = createClock();
  const passports = createPassports(clock);
  const accounts = createAccounts();
  const fault: { answer?: ((request: Request) => Response | undefined) | undefined } = {};
  const auth = localUpstream("auth", {
    fetch: (request) => fault.answer?.(request) ?? accounts.app.fetch(request),
  });
  const bindings = { ...passports.bindings, ...eventBindings };
  const runtime = createServiceRuntime(bindings, { now: clock.now, sink: () => {} });
  const qstash = createFakeQstash();
  const { app: service, events, maintain } = user.compose({ ...bindings, USER_DB: database }, {
    local: { AUTH: auth },
    runtime,
    events: { fetch: qstash.fetch, random: () => 0 },
  });
  const call = createCaller(service, passports);
  /** Delivers a body as QStash does, or with a signature of the test. */
  const deliver = async (body: string, overrides: SignatureOverrides = {}) =>
    await call("POST", "/events/user", {
      as: null,
      headers: {
        "upstash-signature": await signDelivery(
          `${eventBindings.PUBLIC_ORIGIN}/events/user`,
          body,
          {
            now: clock.now(),
            ...overrides,
          },
        ),
      },
      body,
    });
  const read = (sql: string) => database.run({ sql, params: [] });
  return {
    database,
    clock,
    deliver,
    /** Delivers an event of auth; returns the outcome. */
    async receive(type: string, event: EventInput = {}): Promise<unknown> {
      const response = await deliver(toEvent(type, event));
      const { outcome } = await response.json();
      assert.equal(response.status, 200, type);
      return outcome;
    },
    /** Every table that deliveries may change. */
    dump: async () =>
      await Promise.all(
        ["profiles", "disabled_people", "inbox", "event_versions", "ended_subjects", "outbox"]
          .map((table) => read(`SELECT * FROM ${table} ORDER BY 1`)),
      ),
    /** User's published events: subject, sequence and event, oldest first. */
    publishedEvents: async () =>
      (await read("SELECT event FROM outbox ORDER BY sequence, id")).map(([event]) =>
        JSON.parse(String(event))
      ),
    accounts,
    fault,
    call,
    qstash,
    /** Scheduled maintenance. */
    maintain: async () => await maintain?.(),
    /** The backlog of its outbox. */
    waiting: async () => await events?.waiting(),
    readOwn: (as = ann) => expectJson(call("GET", "/users/me", { as }), 200, Profile),
    change: (body: object, as = ann) =>
      expectJson(call("PATCH", "/users/me", { as, body }), 200, Profile),
    rows: () => read("SELECT * FROM profiles ORDER BY id"),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}
