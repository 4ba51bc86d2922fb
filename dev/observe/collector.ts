import * as z from "zod/mini";
import { LogsOnWire, toLines } from "./otlp_logs.ts";
import { toSpans, TracesOnWire } from "./otlp_traces.ts";
import { readJsonText } from "./read_body.ts";
import { Refusal, toJsonResponse } from "./refusal.ts";
import { withoutProbes } from "./request_facts.ts";
import type { Batch } from "./writer.ts";

export type Signal = "traces" | "metrics" | "logs";

export interface CollectorOptions {
  /** Takes what a body held. */
  readonly take: (batch: Batch) => void;
  /** Hears that measurements came; the store keeps none. */
  readonly onMetrics: () => void;
  /** Takes a body that was good, as it came, for a collector elsewhere. */
  readonly forward?: ((signal: Signal, body: string) => void) | undefined;
  /** Whether logs are kept; not where the same lines also come by another way. */
  readonly keepsLogs?: boolean;
  readonly now: () => number;
  readonly maxBytes?: number;
}

/** Answers an export of OTLP/HTTP. @throws {Refusal} 400, 413, 415 */
export type Collect = (signal: Signal, request: Request) => Promise<Response>;

const MetricsOnWire = z.object({ resourceMetrics: z._default(z.array(z.unknown()), []) });

/**
 * Makes the receiver of OTLP/HTTP in its JSON mapping. Members it does not know are passed over; a
 * body of which something else does not fit is refused as a whole.
 */
export function createCollector(
  { take, onMetrics, forward, keepsLogs = true, now, maxBytes = 4 * 1024 * 1024 }: CollectorOptions,
): Collect {
  const keep: Readonly<Record<Signal, (body: unknown) => void>> = {
    traces: (body) => take({ spans: withoutProbes(toSpans(parse(TracesOnWire, body))) }),
    logs(body) {
      const lines = toLines(parse(LogsOnWire, body), now());
      if (keepsLogs) take({ lines });
    },
    metrics(body) {
      parse(MetricsOnWire, body);
      onMetrics();
    },
  };
  return async function collect(signal, request) {
    const text = await readJsonText(request, maxBytes);
    keep[signal](parseJson(text));
    forward?.(signal, text);
    return toJsonResponse({});
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "The body is not JSON");
  }
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = z.safeParse(schema, body);
  if (!error) return data;
  const [issue] = error.issues;
  const where = issue?.path.join(".") || "the body";
  throw new Refusal(400, `The body is no export: ${where} does not fit`);
}
