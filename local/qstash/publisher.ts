import { createHash } from "node:crypto";
import { ApiError, notSupported } from "./api.ts";
import type { FaultSource } from "./faults.ts";
import { makeId, type NewMessage, type Origin, type Random } from "./model.ts";
import { isHttpUrl, type PublishOptions } from "./publish_options.ts";
import type { Store } from "./store.ts";

/** What is to be published. */
export interface Publication {
  /** A URL as it was written, or the name of a URL group. */
  readonly destination: string;
  readonly options: PublishOptions;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly callerIp: string;
  readonly queue?: string | undefined;
  readonly scheduleId?: string | undefined;
}

export interface Published {
  readonly messageId: string;
  /** Of a URL group's endpoint. */
  readonly url?: string;
  readonly deduplicated?: true;
}

export interface Publisher {
  /**
   * Stores the messages of a publication: one, or an array with one for each endpoint of a group.
   *
   * @throws {ApiError} when the destination is invalid
   */
  publish(publication: Publication): Published | Published[];
  /** Stores a message that QStash itself makes: a callback, or one from the DLQ. */
  send(message: Omit<NewMessage, "id" | "copy" | "createdAt">): string;
}

export interface PublisherOptions {
  readonly store: Store;
  readonly faults: FaultSource;
  readonly now: () => number;
  readonly random: Random;
  readonly deduplicationWindowMs: number;
}

interface Target {
  readonly url: string;
  readonly groupName?: string;
  readonly endpointName?: string | undefined;
}

/** The characters of names of groups, queues and schedules. */
export const namePattern = /^[\w.-]{1,255}$/;

/**
 * Stores messages. All of a call is one transaction, so a response is for all of them or for none.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { store, faults, now, random, deduplicationWindowMs } = options;

  function publish(publication: Publication): Published | Published[] {
    const { destination, queue } = publication;
    if (queue !== undefined) requireQueue(store, queue, now());
    if (isHttpUrl(destination)) return publishOne(publication, { url: destination });
    return groupTargets(store, destination)
      .map((target) => ({ ...publishOne(publication, target), url: target.url }));
  }

  function publishOne(publication: Publication, target: Target): Published {
    const time = now();
    const key = deduplicationKey(publication, target);
    const earlierId = key === undefined ? undefined : store.deduplications.find(key, time);
    if (earlierId !== undefined) return { messageId: earlierId, deduplicated: true };
    const messageId = add(toMessage(publication, target, time));
    if (key !== undefined) store.deduplications.put(key, messageId, time + deduplicationWindowMs);
    return { messageId };
  }

  function add(message: Omit<NewMessage, "id" | "copy" | "createdAt">): string {
    const createdAt = now();
    const id = makeId("msg", createdAt, random);
    const stored = { ...message, id, createdAt, copy: false, nextAt: message.nextAt + heldMs() };
    store.messages.add(stored);
    store.logs.add("CREATED", stored);
    return id;
  }

  function heldMs(): number {
    const { delayMs, reorderMs } = faults.get();
    return (faults.happens("delay") ? delayMs : 0) +
      (faults.happens("reorder") ? faults.within(reorderMs) : 0);
  }

  return {
    publish: (publication) => store.atomically(() => publish(publication)),
    send: (message) => store.atomically(() => add(message)),
  };
}

function toMessage(
  { options, body, queue, callerIp, scheduleId }: Publication,
  to: Target,
  now: number,
) {
  const origin: Origin = {
    callerIp,
    scheduleId,
    groupName: to.groupName,
    endpointName: to.endpointName,
  };
  const notBefore = options.notBefore ??
    (options.delayMs === undefined ? undefined : now + options.delayMs);
  return {
    url: to.url,
    body,
    delivery: options.delivery,
    origin,
    queue,
    notBefore,
    nextAt: Math.max(now, notBefore ?? now),
  };
}

function groupTargets(store: Store, name: string): Target[] {
  if (name.startsWith("api/")) throw notSupported(`the destination ${name}`);
  if (!namePattern.test(name)) {
    throw new ApiError(400, "invalid destination: neither an http(s) URL nor a URL group's name");
  }
  const group = store.groups.byName(name);
  if (!group) throw new ApiError(404, `url group ${name} not found`);
  return group.endpoints.map((endpoint) => ({
    url: endpoint.url,
    groupName: name,
    endpointName: endpoint.name,
  }));
}

function requireQueue(store: Store, name: string, now: number): void {
  if (!namePattern.test(name)) throw new ApiError(400, "invalid queue name");
  if (store.queues.byName(name)) return;
  store.queues.put({ name, parallelism: 1, paused: false, createdAt: now, updatedAt: now });
}

/** Within a group each endpoint deduplicates on its own: the id was given once for all of them. */
function deduplicationKey({ options, body }: Publication, { url, groupName }: Target) {
  const endpoint = groupName === undefined ? [] : [groupName, url];
  if (options.deduplicationId !== undefined) {
    return JSON.stringify(["id", options.deduplicationId, ...endpoint]);
  }
  if (!options.isContentDeduplicated) return undefined;
  const digest = createHash("sha256").update(body).digest("hex");
  return JSON.stringify(["content", url, ...endpoint, digest, options.delivery.header]);
}
