import * as z from "zod/mini";

const Detail = z.object({ path: z.string(), message: z.string() });
type Detail = z.output<typeof Detail>;

/** A call of the public API that got another response than expected; names no credential. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  readonly status: number;
  readonly code: string;
  /** What was invalid, field by field. */
  readonly details: readonly Detail[];

  constructor(
    what: string,
    status: number,
    code: string,
    details: readonly Detail[] = [],
    message?: string,
  ) {
    super(`${what} failed: ${status} ${code}${message === undefined ? "" : `: ${message}`}`);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

const Envelope = z.object({ success: z.boolean(), data: z.optional(z.unknown()) });
const Failed = z.object({
  code: z.string(),
  message: z.optional(z.string()),
  details: z.optional(z.array(Detail)),
});
type Failed = z.output<typeof Failed>;
/** In the envelope, and bare on routes that have none. */
const Failure = z.union([z.object({ error: Failed }), Failed]);

export interface CallOptions {
  readonly token?: string;
  readonly body?: unknown;
  /** The response is a document of its own, in no envelope. */
  readonly isBare?: boolean;
}

/** Calls the public API of a running system. */
export interface ApiClient {
  /** @throws {ApiFailure} for any response but a success */
  call(method: string, path: string, options?: CallOptions): Promise<unknown>;
  close(): void;
}

/** Gives each call a trace, and receives the id of the trace in which it was served. */
export interface CallTraces {
  /** A new trace, as a `traceparent`. */
  begin(): string;
  served(traceId: string): void;
}

/** A client of the gateway on a loopback port, called by the public host name that it serves. */
export function createApiClient(
  { port, host, traces }: {
    readonly port: number;
    readonly host: string;
    readonly traces?: CallTraces;
  },
): ApiClient {
  const client = Deno.createHttpClient({ allowHost: true });
  const call = callsTo(`http://127.0.0.1:${port}`, {
    client,
    headers: { host },
    ...(traces ? { traces } : {}),
  });
  return { call, close: () => client.close() };
}

/** A client of the gateway at its public origin. */
export function createOriginClient(origin: string): ApiClient {
  return { call: callsTo(origin, { headers: {} }), close() {} };
}

function callsTo(
  origin: string,
  { headers, traces, ...options }: {
    readonly client?: Deno.HttpClient;
    readonly headers: Readonly<Record<string, string>>;
    readonly traces?: CallTraces;
  },
): ApiClient["call"] {
  return async function call(method, path, { token, body, isBare = false } = {}) {
    const response = await fetch(`${origin}${path}`, {
      ...options,
      method,
      headers: {
        ...headers,
        ...(traces ? { traceparent: traces.begin() } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(30_000),
    });
    traces?.served(response.headers.get("x-trace-id") ?? "");
    if (response.status === 204) return undefined;
    const received: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      const { success, data } = z.safeParse(Failure, received);
      const { code, details, message }: Failed = success
        ? "error" in data ? data.error : data
        : { code: "without a code" };
      const what = `${method} ${path.split("?")[0]}`;
      throw new ApiFailure(what, response.status, code, details, message);
    }
    return isBare ? received : z.parse(Envelope, received).data;
  };
}
