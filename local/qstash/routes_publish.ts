import * as z from "zod/mini";
import {
  ApiError,
  type Call,
  notSupported,
  ok,
  readJson,
  type RouteResponse,
  type Routes,
} from "./api.ts";
import { isHttpUrl, type PublishOptions, readPublishOptions } from "./publish_options.ts";
import { namePattern, type Published, type Publisher } from "./publisher.ts";
import { makeId, type Random } from "./model.ts";
import { nextScheduleAt } from "./scheduler.ts";
import type { Store } from "./store.ts";

export interface PublishRoutesOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly now: () => number;
  readonly random: Random;
  readonly maxMessageBytes: number;
}

const Batch = z.array(z.object({
  destination: z.string(),
  body: z.optional(z.string()),
  headers: z.optional(z.record(z.string(), z.string())),
  queue: z.optional(z.string()),
}));
type BatchItem = z.infer<typeof Batch>[number];

/** Routes by which messages and schedules are published. */
export function publishRoutes(options: PublishRoutesOptions): Routes {
  const { publisher, store } = options;

  function publish(call: Call, queue?: string): RouteResponse {
    const settings = readMessageOptions(call.headers);
    const { destination = "" } = call.params;
    const { body, callerIp } = call;
    requireSize(body, options.maxMessageBytes);
    const published = publisher.publish({ destination, options: settings, body, callerIp, queue });
    return { status: isAllKnown(published) ? 202 : 200, body: published };
  }

  function publishItem(item: BatchItem, callerIp: string): Published | Published[] {
    const body = new TextEncoder().encode(item.body ?? "");
    requireSize(body, options.maxMessageBytes);
    return publisher.publish({
      destination: item.destination,
      options: readMessageOptions(readHeaders(item.headers ?? {})),
      body,
      callerIp,
      queue: item.queue,
    });
  }

  return {
    "POST /v2/publish/*": (call) => publish(call),
    "POST /v2/enqueue/:queue/*": (call) => publish(call, call.params.queue),
    "POST /v2/batch": (call) => {
      const items = readJson(call.body, Batch);
      const one = (item: BatchItem) => orError(() => publishItem(item, call.callerIp));
      return ok(store.atomically(() => items.map(one)));
    },
    "POST /v2/schedules/*": (call) => createSchedule(call, options),
  };
}

/** One message that cannot be sent does not affect the others of its batch. */
function orError<T>(work: () => T): T | { error: string } {
  try {
    return work();
  } catch (error) {
    if (error instanceof ApiError) return { error: error.message };
    throw error;
  }
}

function createSchedule(call: Call, options: PublishRoutesOptions): RouteResponse {
  const { store, now, random } = options;
  const { destination = "" } = call.params;
  const settings = readPublishOptions(call.headers);
  const { cron = "", delivery, delayMs, queueName, scheduleId } = settings;
  if (settings.notBefore !== undefined) throw notSupported("upstash-not-before of a schedule");
  if (settings.deduplicationId !== undefined || settings.isContentDeduplicated) {
    throw notSupported("deduplication of a schedule");
  }
  requireSize(call.body, options.maxMessageBytes);
  const createdAt = now();
  const nextAt = nextScheduleAt(cron, createdAt);
  if (nextAt === undefined) throw new ApiError(400, "invalid cron expression");
  requireName("schedule id", scheduleId);
  requireName("queue name", queueName);
  if (!isHttpUrl(destination) && !store.groups.byName(destination)) {
    throw new ApiError(404, "the destination is neither an http(s) URL nor a URL group");
  }
  const id = scheduleId ?? makeId("scd", createdAt, random);
  const before = store.schedules.byId(id);
  store.schedules.put({
    id,
    cron,
    destination,
    delivery,
    body: call.body,
    queue: queueName,
    delayMs,
    callerIp: call.callerIp,
    createdAt: before?.createdAt ?? createdAt,
    nextAt,
    lastAt: before?.lastAt,
    lastIds: before?.lastIds ?? [],
    paused: before?.paused ?? false,
  });
  return ok({ scheduleId: id });
}

function requireName(what: string, name: string | undefined): void {
  if (name !== undefined && !namePattern.test(name)) throw new ApiError(400, `invalid ${what}`);
}

/** The options of a schedule are invalid for a message. */
function readMessageOptions(headers: Headers): PublishOptions {
  const options = readPublishOptions(headers);
  if (options.cron !== undefined) throw notSupported("upstash-cron outside of /v2/schedules");
  if (options.scheduleId !== undefined) throw notSupported("upstash-schedule-id of a message");
  if (options.queueName !== undefined) throw notSupported("upstash-queue-name of a message");
  return options;
}

function readHeaders(record: Readonly<Record<string, string>>): Headers {
  try {
    return new Headers(record);
  } catch {
    throw new ApiError(400, "invalid headers");
  }
}

function requireSize(body: Uint8Array, maxBytes: number): void {
  if (body.length > maxBytes) throw new ApiError(413, `message is larger than ${maxBytes} bytes`);
}

function isAllKnown(published: Published | Published[]): boolean {
  const all = [published].flat();
  return all.length > 0 && all.every(({ deduplicated }) => deduplicated);
}
