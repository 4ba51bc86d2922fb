import { createTokenCheck, readLimitedBody } from "../loopback.ts";
import {
  ApiError,
  type Call,
  createRouter,
  ok,
  parse,
  type RouteResponse,
  type Routes,
} from "./api.ts";
import type { After } from "./attempt.ts";
import { type FaultSource, readFaults } from "./faults.ts";

export interface HandlerOptions {
  readonly token: string;
  readonly routes: Routes;
  readonly faults: FaultSource;
  readonly after: After;
  readonly maxBodyBytes: number;
  /** Called when a request may have made something due. */
  readonly onChange: () => void;
  readonly onError: (cause: unknown) => void;
  /** Aborted when the server closes, which ends every hanging request. */
  readonly closed: AbortSignal;
}

export type Handler = (request: Request, callerIp?: string) => Promise<Response>;

/** Serves the API: token, faults, routes; every refusal is `{"error"}`. */
export function createHandler(options: HandlerOptions): Handler {
  const { faults, onChange, onError, maxBodyBytes } = options;
  const isAuthorized = createTokenCheck(options.token);
  const route = createRouter({ ...options.routes, ...faultRoutes(faults) });

  const tooLarge = () => new ApiError(413, `request is larger than ${maxBodyBytes} bytes`);

  async function respond(request: Request, callerIp: string): Promise<Response> {
    if (!isAuthorized(request)) throw new ApiError(401, "unauthorized");
    const { url, method, headers } = request;
    const raw = url.slice(url.indexOf("/", url.indexOf("//") + 2));
    const isLocal = raw.startsWith("/v2/local/");
    const fault = isLocal ? undefined : await respondByFault(options, request);
    if (fault) return fault;
    const { params, query, run } = route({ method, raw });
    const body = await readLimitedBody(request, maxBodyBytes, tooLarge);
    const call: Call = { headers, body, params, query, callerIp };
    const result = run(call);
    if (method !== "GET") onChange();
    if (!isLocal && faults.happens("apiLostAnswer")) {
      throw new ApiError(500, "done, but the response was lost on purpose");
    }
    return toResponse(result);
  }

  return async function qstash(request, callerIp = "127.0.0.1") {
    try {
      return await respond(request, callerIp);
    } catch (error) {
      await request.body?.cancel().catch(() => {});
      if (!(error instanceof ApiError)) onError(error);
      const refusal = error instanceof ApiError ? error : new ApiError(500, "internal error");
      return toResponse({ status: refusal.status, body: { error: refusal.message } });
    }
  };
}

function faultRoutes(faults: FaultSource): Routes {
  const set = ({ body }: Pick<Call, "body">): RouteResponse => {
    faults.set(readFaults(parse(body)));
    return ok(faults.get());
  };
  return {
    "GET /v2/local/faults": () => ok(faults.get()),
    "PUT /v2/local/faults": set,
    "POST /v2/local/faults": set,
    "DELETE /v2/local/faults": () => set({ body: new TextEncoder().encode("{}") }),
  };
}

async function respondByFault(
  { faults, after, closed }: HandlerOptions,
  { signal }: Request,
): Promise<Response | undefined> {
  const { apiRetryAfterSeconds, apiHangMs } = faults.get();
  if (faults.happens("apiHang")) {
    await hang(apiHangMs, after, [signal, closed]);
    throw new ApiError(503, "hung on purpose");
  }
  if (faults.happens("apiError")) throw new ApiError(500, "failed on purpose");
  if (!faults.happens("apiTooMany")) return undefined;
  const response = toResponse({ status: 429, body: { error: "too many requests, on purpose" } });
  response.headers.set("retry-after", String(apiRetryAfterSeconds));
  response.headers.set("burst-ratelimit-limit", "0");
  response.headers.set("burst-ratelimit-remaining", "0");
  return response;
}

function hang(ms: number, after: After, ends: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      for (const end of ends) end.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = after(ms, finish);
    for (const end of ends) end.addEventListener("abort", finish);
    if (ends.some((end) => end.aborted)) finish();
  });
}

function toResponse({ status, body }: RouteResponse): Response {
  if (body === undefined) return new Response(null, { status });
  return Response.json(body, { status });
}
