import assert from "node:assert/strict";
import { publicOrigin } from "../settings.ts";
import type { Json } from "./json.ts";

/** The settings by which a test reaches a QStash, as an installation has them. */
type QstashSettings = Readonly<Record<string, string>>;

/** Publishes to a service an event that no service publishes. */
export async function publishTo(
  { QSTASH_URL, QSTASH_TOKEN }: QstashSettings,
  service: string,
  event: Json,
  origin = publicOrigin,
): Promise<void> {
  const response = await fetch(`${QSTASH_URL}/v2/publish/${origin}/events/${service}`, {
    method: "POST",
    headers: { authorization: `Bearer ${QSTASH_TOKEN}` },
    body: JSON.stringify(event),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Whether every published message has been delivered or has failed. */
export async function isQuiet(
  { QSTASH_URL, QSTASH_TOKEN }: QstashSettings,
): Promise<boolean> {
  const response = await fetch(`${QSTASH_URL}/v2/events?count=1000`, {
    headers: { authorization: `Bearer ${QSTASH_TOKEN}` },
  });
  const { events } = await response.json();
  const final = new Set(["DELIVERED", "FAILED", "CANCELED"]);
  const last = new Map<string, string>();
  for (const { messageId, state } of events) if (!last.has(messageId)) last.set(messageId, state);
  return [...last.values()].every((state) => final.has(state));
}
