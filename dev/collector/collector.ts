import * as z from "zod/mini";
import { LogsOnWire, toLines } from "./otlp_logs.ts";
import { toSpans, TracesOnWire } from "./otlp_traces.ts";
import { parseBody, readJsonText } from "./read_body.ts";
import { Refusal, toJsonResponse } from "./refusal.ts";
import { withoutProbes } from "./request_facts.ts";
import type { Batch } from "./writer.ts";

export type Signal = "traces" | "metrics" | "logs";

export interface CollectorOptions {
  /** Takes the content of a body. */
  readonly take: (batch: Batch) => void;
  /** Called when metrics arrive; the store has none. */
  readonly onMetrics: () => void;
  /** Forwards a valid body unchanged to a collector elsewhere. */
  readonly forward?: ((signal: Signal, body: string) => void) | undefined;
  /** Whether logs are stored; not where the same lines also come by another way. */
  readonly keepsLogs?: boolean;
  readonly now: () => number;
  readonly maxBytes?: number;
}

/** Handles an export of OTLP/HTTP. @throws {Refusal} 400, 413, 415 */
export type Collect = (signal: Signal, request: Request) => Promise<Response>;

const MetricsOnWire = z.object({ resourceMetrics: z._default(z.array(z.unknown()), []) });

/**
 * Makes the receiver of OTLP/HTTP in its JSON mapping. Unknown members are ignored; a body with
 * anything else invalid is refused as a whole.
 */
export function createCollector(
  { take, onMetrics, forward, keepsLogs = true, now, maxBytes = 4 * 1024 * 1024 }: CollectorOptions,
): Collect {
  const store: Readonly<Record<Signal, (body: unknown) => void>> = {
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
    store[signal](parseBody(text));
    forward?.(signal, text);
    return toJsonResponse({});
  };
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const { data, error } = z.safeParse(schema, body);
  if (!error) return data;
  const [issue] = error.issues;
  const where = issue?.path.join(".") || "the body";
  throw new Refusal(400, `The body is no export: ${where} does not fit`);
}
