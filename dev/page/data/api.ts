import type {
  Attributes,
  CompleteDeadEvent,
  Configuration,
  ConfigurationHistory,
  ConfigurationVersion,
  Events,
  Health,
  Page,
  Replayed,
  RequestDetail,
  RequestRow,
  RolloutEntry,
  ServiceMap,
  ShownLine,
  State,
} from "../api_types.ts";

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
  deadLetter(id: string): Promise<CompleteDeadEvent>;
  /** Sends a dead letter anew, or without an id all that are no poison. */
  replay(id?: string): Promise<Replayed>;
  drop(id: string): Promise<void>;
  configuration(signal?: AbortSignal): Promise<Configuration>;
  configurationRollout(signal?: AbortSignal): Promise<readonly RolloutEntry[]>;
  /** Versions older than those of the page that named `cursor`. */
  configurationHistory(cursor: string): Promise<ConfigurationHistory>;
  configurationVersion(version: number, signal?: AbortSignal): Promise<ConfigurationVersion>;
  /** Puts a document in force. @throws {RefusedChange} */
  putConfiguration(wanted: NewConfiguration): Promise<ConfigurationVersion>;
  /** Puts the document of an older version in force again. @throws {RefusedChange} */
  rollBackConfiguration(wanted: {
    readonly version: number;
    readonly ifVersion: number;
  }): Promise<ConfigurationVersion>;
}

/** A document that somebody wants in force in place of the version `ifVersion`. */
export interface NewConfiguration {
  readonly document: Attributes;
  readonly ifVersion: number;
  readonly comment?: string;
}

/** One thing that does not fit, and where; an empty path is all of it. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** A change that was not made; the message can be shown. */
export class RefusedChange extends Error {
  /** Tells it from other errors. */
  override readonly name = "RefusedChange";
  /** What does not fit, place by place. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
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
  async function change<Answer>(
    method: "POST" | "PUT",
    path: string,
    body: unknown,
  ): Promise<Answer> {
    const headers = { "x-edgepass-page": "1", "content-type": "application/json" };
    const response = await get(path, { method, headers, body: JSON.stringify(body) })
      .catch((cause: unknown) => {
        throw new Error("Cannot ask dev: it does not answer", { cause });
      });
    if (!response.ok) throw await toRefusal(response);
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
    configuration: (signal) => read(configurationPath, {}, signal),
    configurationRollout: (signal) => read(`${configurationPath}/holders`, {}, signal),
    configurationHistory: (cursor) => read(`${configurationPath}/history`, { cursor }),
    configurationVersion: (version, signal) =>
      read(`${configurationPath}/history/${version}`, {}, signal),
    putConfiguration: (wanted) => change("PUT", configurationPath, wanted),
    rollBackConfiguration: (wanted) => change("POST", `${configurationPath}/rollback`, wanted),
  };
}

const configurationPath = "/api/configuration";

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

async function toRefusal(response: Response): Promise<RefusedChange> {
  type Refusal = { error?: string; details?: readonly Issue[] };
  const { error, details } = await readJson<Refusal>(response).catch((): Refusal => ({}));
  return new RefusedChange(error ?? `dev answered ${response.status}`, details ?? []);
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
