import { decodeUtf8 } from "@edgepass/shared/crypto";
import type { DeadLetter, Letter } from "./model.ts";
import { labelsJson } from "./logs.ts";
import type { Filterable } from "./query.ts";
import type { Schedule } from "./resources.ts";

/** Text where the bytes are UTF-8, else base64 under the other name, as documented. */
function bodyJson(body: Uint8Array, [text, base64]: readonly [text: string, base64: string]) {
  try {
    return { [text]: decodeUtf8(body) };
  } catch {
    return { [base64]: body.toBase64() };
  }
}

/** A message as `/v2/messages/{id}` shows it. */
export function letterJson(letter: Letter) {
  const { id, url, body, delivery, origin, queue, createdAt, notBefore } = letter;
  return {
    messageId: id,
    url,
    topicName: origin.groupName,
    endpointName: origin.endpointName,
    method: delivery.method,
    header: delivery.header,
    ...bodyJson(body, ["body", "bodyBase64"]),
    maxRetries: delivery.maxRetries,
    retryDelayExpression: delivery.retryDelay,
    notBefore: notBefore ?? createdAt,
    createdAt,
    callback: delivery.callback?.url,
    failureCallback: delivery.failureCallback?.url,
    queueName: queue,
    scheduleId: origin.scheduleId,
    callerIP: origin.callerIp,
    ...labelsJson(delivery.labels),
  };
}

/** A message as `/v2/dlq` shows it. */
export function deadLetterJson(letter: DeadLetter) {
  const { dlqId, response } = letter;
  return {
    ...letterJson(letter),
    dlqId,
    responseStatus: response.status || undefined,
    responseHeader: response.header,
    ...bodyJson(response.body, ["responseBody", "responseBodyBase64"]),
  };
}

export function scheduleJson(schedule: Schedule, lastStates: Readonly<Record<string, string>>) {
  const { delivery } = schedule;
  return {
    scheduleId: schedule.id,
    cron: schedule.cron,
    destination: schedule.destination,
    method: delivery.method,
    header: delivery.header,
    ...bodyJson(schedule.body, ["body", "bodyBase64"]),
    retries: delivery.maxRetries,
    retryDelayExpression: delivery.retryDelay,
    delay: schedule.delayMs === undefined ? undefined : schedule.delayMs / 1_000,
    callback: delivery.callback?.url,
    failureCallback: delivery.failureCallback?.url,
    callerIP: schedule.callerIp,
    isPaused: schedule.paused,
    queueName: schedule.queue,
    ...labelsJson(delivery.labels),
    createdAt: schedule.createdAt,
    lastScheduleTime: schedule.lastAt,
    nextScheduleTime: schedule.nextAt,
    lastScheduleStates: lastStates,
  };
}

/** The fields by which lists of messages and of dead ones are filtered. */
export function letterFilterable({ id, url, delivery, origin, queue }: Letter): Filterable {
  const { host, pathname } = new URL(url);
  return {
    messageId: id,
    url,
    host,
    path: pathname,
    topicName: origin.groupName,
    scheduleId: origin.scheduleId,
    queueName: queue,
    label: delivery.labels,
    callerIp: origin.callerIp,
  };
}
