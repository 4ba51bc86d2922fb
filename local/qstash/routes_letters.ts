import { ApiError, type Call, notSupported, ok, type Routes } from "./api.ts";
import { deadLetterJson, letterFilterable, letterJson } from "./json.ts";
import type { LogEntry } from "./logs.ts";
import type { DeadLetter } from "./model.ts";
import type { Publisher } from "./publisher.ts";
import {
  isMatch,
  letterFields,
  type Query,
  type QueryRules,
  readQuery,
  takePage,
} from "./query.ts";
import type { Store } from "./store.ts";

export interface LetterRoutesOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly now: () => number;
}

const messageRules: QueryRules = {
  fields: [...letterFields, "host", "path"],
  ids: "messageIds",
  maxCount: Infinity,
};
const dlqRules: QueryRules = {
  fields: [...letterFields, "messageId", "responseStatus"],
  ids: "dlqIds",
  maxCount: 100,
};
const logRules: QueryRules = {
  fields: [...letterFields, "messageId", "host", "path", "state"],
  ids: "messageIds",
  maxCount: 1_000,
};

/** Routes for messages under way, dead letters and the log. */
export function letterRoutes(options: LetterRoutesOptions): Routes {
  return { ...messageRoutes(options), ...dlqRoutes(options), ...logRoutes(options) };
}

function messageRoutes({ store }: LetterRoutesOptions): Routes {
  const cancel = (id: string): boolean => {
    const message = store.messages.byId(id);
    if (!message || !store.messages.cancel(id)) return false;
    store.logs.add("CANCELED", message);
    return true;
  };
  return {
    "GET /v2/messages/:id": ({ params: { id = "" } }) => {
      const message = store.messages.byId(id);
      if (!message) throw new ApiError(404, `message ${id} not found`);
      return ok(letterJson(message));
    },
    "DELETE /v2/messages/:id": ({ params: { id = "" } }) => {
      if (!store.atomically(() => cancel(id))) throw new ApiError(404, `message ${id} not found`);
      return { status: 202, body: { cancelled: 1 } };
    },
    "DELETE /v2/messages": (call) => {
      const query = readQuery(call.query, messageRules);
      const ids = query.ids ??
        store.messages.list()
          .filter((message) => isMatch(query, letterFilterable(message), message.createdAt))
          .map((message) => message.id);
      const cancelled = store.atomically(() => ids.filter(cancel)).length;
      return { status: 202, body: { cancelled } };
    },
  };
}

function dlqRoutes({ store, publisher, now }: LetterRoutesOptions): Routes {
  const require = (dlqId: string): DeadLetter => {
    const letter = store.deadLetters.byDlqId(dlqId);
    if (!letter) throw new ApiError(404, `dead letter ${dlqId} not found`);
    return letter;
  };
  const select = (call: Call) => selectDeadLetters(store, readQuery(call.query, dlqRules));
  // A new message replaces the dead one, in one transaction: never neither, never both.
  const retry = (letter: DeadLetter) => {
    const { url, body, delivery, origin, queue, dlqId } = letter;
    store.deadLetters.remove(dlqId);
    return { messageId: publisher.send({ url, body, delivery, origin, queue, nextAt: now() }) };
  };
  return {
    "GET /v2/dlq": (call) => {
      const { items, cursor } = select(call);
      return ok({ messages: items.map(deadLetterJson), cursor });
    },
    "DELETE /v2/dlq": (call) => {
      const { items, cursor } = select(call);
      store.atomically(() => items.forEach(({ dlqId }) => store.deadLetters.remove(dlqId)));
      return ok({ deleted: items.length, cursor });
    },
    "POST /v2/dlq/retry": (call) => {
      refuseOverrides(call);
      const query = readQuery(call.query, dlqRules);
      for (const dlqId of query.ids ?? []) require(dlqId);
      const { items, cursor } = selectDeadLetters(store, query);
      const responses = store.atomically(() => items.map(retry));
      return { status: 201, body: { responses, cursor } };
    },
    "POST /v2/dlq/retry/:id": (call) => {
      refuseOverrides(call);
      const letter = require(call.params.id ?? "");
      return { status: 201, body: store.atomically(() => retry(letter)) };
    },
    "GET /v2/dlq/:id": ({ params: { id = "" } }) => ok(deadLetterJson(require(id))),
    "DELETE /v2/dlq/:id": ({ params: { id = "" } }) => {
      if (!store.deadLetters.remove(id)) throw new ApiError(404, `dead letter ${id} not found`);
      return ok();
    },
  };
}

function selectDeadLetters(store: Store, query: Query) {
  if (query.ids) {
    return { items: query.ids.flatMap((dlqId) => store.deadLetters.byDlqId(dlqId) ?? []) };
  }
  return takePage(query, (from = 0, limit) => store.deadLetters.after(from, limit), (letter) => {
    const fields = { ...letterFilterable(letter), responseStatus: `${letter.response.status}` };
    return isMatch(query, fields, letter.failedAt);
  });
}

/** Documented for a retry: headers that change how it is delivered. */
function refuseOverrides({ headers }: Call): void {
  for (const name of headers.keys()) {
    if (name.startsWith("upstash-") && !name.startsWith("upstash-telemetry-")) {
      throw notSupported(`the header ${name} for a retry out of the DLQ`);
    }
  }
}

function logRoutes({ store }: LetterRoutesOptions): Routes {
  const select = (params: URLSearchParams) => {
    const query = readQuery(params, logRules);
    const matches = (entry: LogEntry) => isMatch(query, logFilterable(entry), entry.time);
    const page = query.ids
      ? { items: store.logs.ofMessages(query.ids) }
      : takePage(query, (from = Infinity, limit) => store.logs.before(from, limit), matches);
    const entries = page.items.map(({ seq: _seq, ...entry }) => entry);
    return { entries, cursor: "cursor" in page ? page.cursor : undefined };
  };
  return {
    // The client reads its logs from here, under the older name.
    "GET /v2/events": (call) => {
      const { entries, cursor } = select(call.query);
      return ok({ events: entries, cursor });
    },
    "GET /v2/logs": (call) => {
      const { entries, cursor } = select(call.query);
      return ok({ logs: entries, cursor });
    },
  };
}

function logFilterable(entry: Readonly<Record<string, unknown>>) {
  const text = (name: string) => {
    const value = entry[name];
    return typeof value === "string" ? value : undefined;
  };
  const url = text("url");
  const { host, pathname } = new URL(url ?? "http://unknown.invalid");
  return {
    url,
    host,
    path: pathname,
    messageId: text("messageId"),
    state: text("state"),
    topicName: text("topicName"),
    scheduleId: text("scheduleId"),
    queueName: text("queueName"),
    callerIp: text("callerIP"),
    label: Array.isArray(entry.labels) ? entry.labels.map(String) : undefined,
  };
}
