import type {
  Events,
  Health,
  Page,
  Replayed,
  RequestDetail,
  RequestRow,
  ServiceMap,
  ShownLine,
  State,
  WholeDeadEvent,
} from "../wire.ts";

/** Filters and paging of a list; empty values are not sent. */
export type Query = Readonly<Record<string, string | undefined>>;

/** Asks dev for what it has seen. Every call rejects with an Error whose message can be shown. */
export interface Api {
  state(signal?: AbortSignal): Promise<State>;
  requests(query: Query, signal?: AbortSignal): Promise<Page<RequestRow>>;
  /** Undefined when the store has no such trace. */
  trace(traceId: string, signal?: AbortSignal): Promise<RequestDetail | undefined>;
  logs(query: Query, signal?: AbortSignal): Promise<Page<ShownLine>>;
  map(windowSeconds: number, signal?: AbortSignal): Promise<ServiceMap>;
  health(signal?: AbortSignal): Promise<Health>;
  events(signal?: AbortSignal): Promise<Events>;
  /** With what was sent and what was answered. */
  deadLetter(id: string): Promise<WholeDeadEvent>;
  /** Sends a dead letter anew, or without an id all that are no poison. */
  replay(id?: string): Promise<Replayed>;
  drop(id: string): Promise<void>;
}

export function createApi(get: typeof fetch): Api {
  async function ask(path: string, query: Query, signal?: AbortSignal): Promise<Response> {
    const given = Object.entries(query).flatMap(([name, value]) => value ? [[name, value]] : []);
    const search = new URLSearchParams(given).toString();
    try {
      return await get(`${path}${search && "?"}${search}`, signal ? { signal } : {});
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Error("Cannot ask dev: it does not answer", { cause });
    }
  }
  async function read<Answer>(path: string, query: Query, signal?: AbortSignal): Promise<Answer> {
    const response = await ask(path, query, signal);
    if (!response.ok) throw await toError(response);
    return await readJson<Answer>(response);
  }
  /** The header tells the server that a script of its own page asks. */
  async function act<Answer>(method: "POST" | "DELETE", path: string): Promise<Answer> {
    const response = await get(path, { method, headers: { "x-edgepass-page": "1" } })
      .catch((cause: unknown) => {
        throw new Error("Cannot ask dev: it does not answer", { cause });
      });
    if (!response.ok) throw await toError(response);
    return await readJson<Answer>(response);
  }
  return {
    state: (signal) => read("/api/state", {}, signal),
    requests: (query, signal) => read("/api/requests", query, signal),
    async trace(traceId, signal) {
      const response = await ask(`/api/requests/${encodeURIComponent(traceId)}`, {}, signal);
      if (response.status === 404 || response.status === 400) return undefined;
      if (!response.ok) throw await toError(response);
      return await readJson<RequestDetail>(response);
    },
    logs: (query, signal) => read("/api/logs", query, signal),
    map: (windowSeconds, signal) =>
      read("/api/map", { windowSeconds: String(windowSeconds) }, signal),
    health: (signal) => read("/api/health", {}, signal),
    events: (signal) => read("/api/events", {}, signal),
    deadLetter: (id) => read(deadLetterPath(id), {}),
    replay: (id) => act("POST", deadLetterPath(id)),
    drop: (id) => act("DELETE", deadLetterPath(id)),
  };
}

function deadLetterPath(id?: string): string {
  return `/api/events/dead-letters${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;
}

/** A refusal says why as `{"error"}`. */
async function toError(response: Response): Promise<Error> {
  const { error } = await readJson<{ error?: string }>(response).catch(() => ({
    error: undefined,
  }));
  return new Error(`Cannot show this: ${error ?? `dev answered ${response.status}`}`);
}

/**
 * Reads JSON as what the API is known to answer.
 *
 * Page and API come from one process and one checkout, so their types cannot drift apart at run
 * time; wire.ts is what both are written against.
 */
async function readJson<Answer>(response: Response): Promise<Answer> {
  return await response.json();
}
