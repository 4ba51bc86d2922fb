import assert from "node:assert/strict";
import { eventTypes } from "@edgepass/contracts";
import { type SqlDb, uuidv7 } from "@edgepass/shared/sql";
import type { Fetcher } from "@edgepass/shared/configuration";
import { eventBindings, signDelivery } from "./events.ts";

const { PUBLIC_ORIGIN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY } = eventBindings;

/** Settings of a service that consumes events and stores the events that it publishes. */
export const consumerBindings = {
  PUBLIC_ORIGIN,
  QSTASH_CURRENT_SIGNING_KEY,
  QSTASH_NEXT_SIGNING_KEY,
} as const;

type EventType = keyof typeof eventTypes;

/** An event as a test gives it. */
export interface SampleEvent {
  readonly type: EventType;
  readonly subject: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly sequence?: number;
  readonly id?: string;
}

/** The JSON of an event as its service would publish it. */
export function toBody(
  { type, subject, data = {}, sequence = 1, id = uuidv7() }: SampleEvent,
  now: number,
): string {
  const { source, version } = eventTypes[type];
  return JSON.stringify({
    specversion: "1.0",
    id,
    source,
    type,
    subject,
    time: new Date(now).toISOString(),
    dataschema: `urn:edgepass:event:${type}:${version}`,
    datacontenttype: "application/json",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    sequence: String(sequence).padStart(20, "0"),
    data,
  });
}

/** Delivers bodies and events to a service over HTTP, signed as by QStash; returns the outcome. */
export function createDeliverer(service: Fetcher, name: string, { now }: { now: () => number }) {
  const path = `/events/${name}`;
  const deliverBody = async (body: string): Promise<string> => {
    const response = await service.fetch(
      new Request(`http://service.test${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/cloudevents+json",
          "upstash-signature": await signDelivery(
            `${PUBLIC_ORIGIN}${path}`,
            body,
            { now: now() },
          ),
        },
        body,
      }),
    );
    const { outcome, code } = await response.json();
    return response.status === 200 ? outcome : `${response.status} ${code}`;
  };
  return { deliverBody, deliver: (event: SampleEvent) => deliverBody(toBody(event, now())) };
}

/** The events of a service: type, subject, sequence and data of every outbox row. */
export async function readOutbox(sql: SqlDb) {
  const rows = await sql.run({ sql: "SELECT event FROM outbox ORDER BY rowid", params: [] });
  return rows.map(([event]) => {
    assert.ok(typeof event === "string");
    const { type, subject, sequence, data } = JSON.parse(event);
    return { type, subject, sequence: Number(sequence), data };
  });
}

/** The event bodies of a service, as they are sent. */
export async function readBodies(sql: SqlDb): Promise<string[]> {
  const rows = await sql.run({ sql: "SELECT event FROM outbox ORDER BY rowid", params: [] });
  return rows.map(([event]) => String(event));
}

/** Every permutation of a few items. */
export function permute<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) =>
    permute(items.toSpliced(at, 1)).map((others) => [item, ...others])
  );
}
