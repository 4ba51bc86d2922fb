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

/** Reads what dev has collected. Every call rejects with an Error whose message can be shown. */
export interface Api {
  state(signal?: AbortSignal): Promise<State>;
  requests(query: Query, signal?: AbortSignal): Promise<Page<RequestRow>>;
  /** Undefined when the store has no such trace. */
  trace(traceId: string, signal?: AbortSignal): Promise<RequestDetail | undefined>;
  logs(query: Query, signal?: AbortSignal): Promise<Page<ShownLine>>;
  map(windowSeconds: number, signal?: AbortSignal): Promise<ServiceMap>;
  health(signal?: AbortSignal): Promise<Health>;
  events(signal?: AbortSignal): Promise<Events>;
  /** With its request and its last response. */
  deadLetter(id: string): Promise<CompleteDeadEvent>;
  /** Sends a dead letter again, or without an id all that are not poison. */
  replay(id?: string): Promise<Replayed>;
  drop(id: string): Promise<void>;
  configuration(signal?: AbortSignal): Promise<Configuration>;
  configurationRollout(signal?: AbortSignal): Promise<readonly RolloutEntry[]>;
  /** Versions older than those of the page that named `cursor`. */
  configurationHistory(cursor: string): Promise<ConfigurationHistory>;
  configurationVersion(version: number, signal?: AbortSignal): Promise<ConfigurationVersion>;
  /** Makes a document the current one. @throws {RefusedChange} */
  putConfiguration(proposed: NewConfiguration): Promise<ConfigurationVersion>;
  /** Makes the document of an older version the current one again. @throws {RefusedChange} */
  rollBackConfiguration(proposed: {
    readonly version: number;
    readonly ifVersion: number;
  }): Promise<ConfigurationVersion>;
}

/** A document that is to replace the version `ifVersion`. */
export interface NewConfiguration {
  readonly document: Attributes;
  readonly ifVersion: number;
  readonly comment?: string;
}

/** One invalid value, and where; an empty path is all of it. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** A change that was not made; the message can be shown. */
export class RefusedChange extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "RefusedChange";
  /** What is invalid, path by path. */
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super(message);
    this.issues = issues;
  }
}

/** Proves to the server that the request is by a script of its own page. */
const ownScript = { "x-edgepass-page": "1" };

export function createApi(get: typeof fetch): Api {
  async function send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await get(path, init);
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new Error("Cannot reach dev: it does not respond", { cause });
    }
  }
  async function request(path: string, query: Query, signal?: AbortSignal): Promise<Response> {
    const given = Object.entries(query).flatMap(([name, value]) => value ? [[name, value]] : []);
    const search = new URLSearchParams(given).toString();
    return await send(`${path}${search && "?"}${search}`, signal ? { signal } : {});
  }
  async function read<Body>(path: string, query: Query, signal?: AbortSignal): Promise<Body> {
    const response = await request(path, query, signal);
    if (!response.ok) throw await toError(response);
    return await readJson<Body>(response);
  }
  async function act<Body>(method: "POST" | "DELETE", path: string): Promise<Body> {
    const response = await send(path, { method, headers: ownScript });
    if (!response.ok) throw await toError(response);
    return await readJson<Body>(response);
  }
  async function change<Body>(method: "POST" | "PUT", path: string, body: unknown): Promise<Body> {
    const headers = { ...ownScript, "content-type": "application/json" };
    const response = await send(path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw await toRefusal(response);
    return await readJson<Body>(response);
  }
  return {
    state: (signal) => read("/api/state", {}, signal),
    requests: (query, signal) => read("/api/requests", query, signal),
    async trace(traceId, signal) {
      const response = await request(`/api/requests/${encodeURIComponent(traceId)}`, {}, signal);
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
    configurationRollout: (signal) => read(`${configurationPath}/rollout`, {}, signal),
    configurationHistory: (cursor) => read(`${configurationPath}/history`, { cursor }),
    configurationVersion: (version, signal) =>
      read(`${configurationPath}/history/${version}`, {}, signal),
    putConfiguration: (proposed) => change("PUT", configurationPath, proposed),
    rollBackConfiguration: (proposed) => change("POST", `${configurationPath}/rollback`, proposed),
  };
}

const configurationPath = "/api/configuration";

function deadLetterPath(id?: string): string {
  return `/api/events/dead-letters${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;
}

/** A refusal has its reason as `{"error"}`. */
async function toError(response: Response): Promise<Error> {
  const { error } = await readJson<{ error?: string }>(response).catch(() => ({
    error: undefined,
  }));
  return new Error(`Cannot show this: ${error ?? `dev returned ${response.status}`}`);
}

async function toRefusal(response: Response): Promise<RefusedChange> {
  type Refusal = { error?: string; details?: readonly Issue[] };
  const { error, details } = await readJson<Refusal>(response).catch((): Refusal => ({}));
  return new RefusedChange(error ?? `dev returned ${response.status}`, details ?? []);
}

/**
 * Reads JSON as the type of the API's response.
 *
 * Page and API come from one process and one checkout, so their types cannot drift apart at run
 * time; api_types.ts is what both are written against.
 */
async function readJson<Body>(response: Response): Promise<Body> {
  return await response.json();
}
