import { isProbe, type Logger, newTrace, type Telemetry } from "@edgepass/shared/telemetry";
import { Problem, problemMediaType, toProblemDocument } from "@edgepass/shared/problem";
import { createAdmissionLimit, type Slot } from "./admission_limit.ts";
import { wantsProblem } from "./failure.ts";
import { readPath } from "./target.ts";

/** Refusals are reported once in this time, in milliseconds. */
const reportEveryMs = 1_000;

/** How an instance without a load balancer in front of it detects overload. */
export interface Admission {
  /** Longest acceptable time of a decision, in milliseconds. */
  readonly budgetMs: number;
  /** Milliseconds of a processor that this instance has used so far. */
  readonly processorMs: () => number;
}

/** What the admission of requests needs. */
export interface AdmissionOptions extends Admission {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Whether the public origin is https. */
  readonly secure: boolean;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** Serves a request, or refuses it; `serve` calls `decided` once the policy decision is made. */
export type Admit = (
  request: Request,
  serve: (decided: Slot | undefined) => Response | Promise<Response>,
) => Response | Promise<Response>;

/**
 * Refuses requests at once while the instance is overloaded; probes are always served.
 *
 * It runs before everything else, and a refusal has neither a span nor a log line of its own: load
 * shedding helps only while a refusal costs much less than a response.
 */
export function createAdmission(options: AdmissionOptions): Admit {
  const limit = createAdmissionLimit(options);
  const refuse = createRefusal(options);

  async function serveInSlot(
    entered: Slot | Promise<Slot>,
    serve: Parameters<Admit>[1],
  ): Promise<Response> {
    const decided = typeof entered === "function" ? entered : await entered;
    try {
      return await serve(decided);
    } finally {
      decided();
    }
  }

  return function admit(request, serve) {
    if (isProbe(readPath(request.url))) return serve(undefined);
    const entered = limit.enter();
    return entered ? serveInSlot(entered, serve) : refuse(request);
  };
}

function createRefusal(
  { log, telemetry, secure }: AdmissionOptions,
): (request: Request) => Response {
  const problem = new Problem("upstream_unavailable", { detail: "Too much to do at present" });
  const { code, detail: message } = problem;
  const headers: [string, string][] = [
    ["cache-control", "no-store"],
    ["retry-after", "1"],
    ["x-content-type-options", "nosniff"],
  ];
  if (secure) headers.push(["strict-transport-security", "max-age=31536000"]);
  let refused = 0;

  function report(): void {
    log.warn("Requests were refused: there is too much to do", { refused });
    telemetry.metrics.add("edgepass.gateway.refusals", { "error.type": code }, refused);
    refused = 0;
  }

  return function refuse(request) {
    if (refused++ === 0) setTimeout(report, reportEveryMs);
    const { traceId } = newTrace();
    const asProblem = wantsProblem(request);
    const body = asProblem
      ? toProblemDocument(problem, traceId)
      : { success: false, error: { code, message }, traceId };
    const type = asProblem ? problemMediaType : "application/json";
    return new Response(JSON.stringify(body), {
      status: problem.status,
      headers: [...headers, ["content-type", type], ["x-trace-id", traceId]],
    });
  };
}
