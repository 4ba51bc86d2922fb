import * as z from "zod/mini";
import { ApiError, ok, readJson, type RouteResponse, type Routes } from "./api.ts";
import { scheduleJson } from "./json.ts";
import { isHttpUrl } from "./publish_options.ts";
import { namePattern } from "./publisher.ts";
import type { Endpoint, Queue, Schedule, UrlGroup } from "./resources.ts";
import { nextScheduleAt } from "./scheduler.ts";
import type { KeyRing } from "./signing_keys.ts";
import type { Store } from "./store.ts";

export interface ResourceRoutesOptions {
  readonly store: Store;
  readonly keys: KeyRing;
  readonly now: () => number;
}

const done = ok();

/** Routes for schedules, URL groups, queues and signing keys. */
export function resourceRoutes(options: ResourceRoutesOptions): Routes {
  const { keys } = options;
  return {
    ...scheduleRoutes(options),
    ...groupRoutes(options),
    ...queueRoutes(options),
    "GET /v2/keys": () => ok(keys.get()),
    "POST /v2/keys/rotate": () => ok(keys.rotate()),
  };
}

function scheduleRoutes({ store, now }: ResourceRoutesOptions): Routes {
  const require = (id = ""): Schedule => {
    const schedule = store.schedules.byId(id);
    if (!schedule) throw new ApiError(404, `schedule ${id} not found`);
    return schedule;
  };
  const toJson = (schedule: Schedule) => scheduleJson(schedule, lastStates(store, schedule));
  const pause = (id: string | undefined): RouteResponse => {
    store.schedules.put({ ...require(id), paused: true });
    return done;
  };
  // Runs that were missed during the pause are not made up for.
  const resume = (id: string | undefined): RouteResponse => {
    const schedule = require(id);
    const nextAt = nextScheduleAt(schedule.cron, now());
    if (schedule.paused) store.schedules.put({ ...schedule, paused: false, nextAt });
    return done;
  };
  return {
    "GET /v2/schedules": () => ok(store.schedules.list().map(toJson)),
    "GET /v2/schedules/:id": ({ params }) => ok(toJson(require(params.id))),
    "DELETE /v2/schedules/:id": ({ params }) => {
      if (!store.schedules.remove(params.id ?? "")) require(params.id);
      return done;
    },
    // The client sends PATCH, the documentation has POST.
    "PATCH /v2/schedules/:id/pause": ({ params }) => pause(params.id),
    "POST /v2/schedules/:id/pause": ({ params }) => pause(params.id),
    "PATCH /v2/schedules/:id/resume": ({ params }) => resume(params.id),
    "POST /v2/schedules/:id/resume": ({ params }) => resume(params.id),
  };
}

function lastStates(store: Store, { lastIds }: Schedule): Record<string, string> {
  const stateOf = (id: string) =>
    store.messages.byId(id) ? "IN_PROGRESS" : store.deadLetters.hasMessage(id) ? "FAIL" : "SUCCESS";
  return Object.fromEntries(lastIds.map((id) => [id, stateOf(id)]));
}

const AddedEndpoints = z.object({
  endpoints: z.array(z.object({
    url: z.string().check(z.refine(isHttpUrl)),
    name: z.optional(z.string()),
  })).check(z.minLength(1)),
});
const RemovedEndpoints = z.object({
  endpoints: z.array(
    z.object({ url: z.optional(z.string()), name: z.optional(z.string()) })
      .check(z.refine(({ url, name }) => url !== undefined || name !== undefined)),
  ),
});

function groupRoutes({ store, now }: ResourceRoutesOptions): Routes {
  const require = (name = ""): UrlGroup => {
    const group = store.groups.byName(name);
    if (!group) throw new ApiError(404, `url group ${name} not found`);
    return group;
  };
  const add = (name: string, added: readonly Endpoint[]): RouteResponse => {
    if (!namePattern.test(name)) throw new ApiError(400, "invalid url group name");
    const before = store.groups.byName(name);
    const endpoints = withEndpoints(before?.endpoints ?? [], added);
    store.groups.put({ name, endpoints, createdAt: before?.createdAt ?? now(), updatedAt: now() });
    return done;
  };
  return {
    "GET /v2/topics": () => ok(store.groups.list()),
    "GET /v2/topics/:name": ({ params }) => ok(require(params.name)),
    "DELETE /v2/topics/:name": ({ params }) => {
      if (!store.groups.remove(params.name ?? "")) require(params.name);
      return done;
    },
    "POST /v2/topics/:name/endpoints": ({ params, body }) =>
      add(params.name ?? "", readJson(body, AddedEndpoints).endpoints),
    "DELETE /v2/topics/:name/endpoints": ({ params, body }) => {
      const { endpoints: removed } = readJson(body, RemovedEndpoints);
      const group = require(params.name);
      const endpoints = withoutEndpoints(group.endpoints, removed);
      // A group without endpoints is deleted.
      if (endpoints.length === 0) store.groups.remove(group.name);
      else store.groups.put({ ...group, endpoints, updatedAt: now() });
      return done;
    },
  };
}

/** An endpoint is identified by its URL or its name; a repeated one is replaced. */
function withEndpoints(endpoints: readonly Endpoint[], added: readonly Endpoint[]): Endpoint[] {
  const isReplaced = (endpoint: Endpoint) =>
    added.some(({ url, name }) => url === endpoint.url || (name && name === endpoint.name));
  return [...endpoints.filter((endpoint) => !isReplaced(endpoint)), ...added];
}

function withoutEndpoints(
  endpoints: readonly Endpoint[],
  removed: readonly { readonly url?: string | undefined; readonly name?: string | undefined }[],
): Endpoint[] {
  const isRemoved = (endpoint: Endpoint) =>
    removed.some(({ url, name }) =>
      (url === undefined || url === endpoint.url) &&
      (name === undefined || name === endpoint.name)
    );
  return endpoints.filter((endpoint) => !isRemoved(endpoint));
}

const UpsertedQueue = z.object({
  queueName: z.string().check(z.regex(namePattern)),
  parallelism: z._default(z.int().check(z.gte(1)), 1),
  paused: z.optional(z.boolean()),
});

function queueRoutes({ store, now }: ResourceRoutesOptions): Routes {
  const require = (name = ""): Queue => {
    const queue = store.queues.byName(name);
    if (!queue) throw new ApiError(404, `queue ${name} not found`);
    return queue;
  };
  const setPaused = (name: string | undefined, paused: boolean): RouteResponse => {
    store.queues.put({ ...require(name), paused, updatedAt: now() });
    return done;
  };
  return {
    "POST /v2/queues": ({ body }) => {
      const { queueName: name, parallelism, paused } = readJson(body, UpsertedQueue);
      const before = store.queues.byName(name);
      store.queues.put({
        name,
        parallelism,
        paused: paused ?? before?.paused ?? false,
        createdAt: before?.createdAt ?? now(),
        updatedAt: now(),
      });
      return done;
    },
    "GET /v2/queues": () => ok(store.queues.list()),
    "GET /v2/queues/:name": ({ params }) => ok(require(params.name)),
    "DELETE /v2/queues/:name": ({ params }) => {
      const { name } = require(params.name);
      store.atomically(() => endQueue(store, name));
      return done;
    },
    "POST /v2/queues/:name/pause": ({ params }) => setPaused(params.name, true),
    "POST /v2/queues/:name/resume": ({ params }) => setPaused(params.name, false),
  };
}

function endQueue(store: Store, name: string): void {
  for (const message of store.messages.list().filter(({ queue }) => queue === name)) {
    store.messages.cancel(message.id);
    store.logs.add("CANCELED", message);
  }
  store.queues.remove(name);
}
