import type { HistogramName } from "@edgepass/shared/telemetry";
import type { Series } from "./dashboard.ts";
import { type Cut, quantile } from "./promql.ts";

/** The usual three quantiles of one histogram. */
export function spread<Name extends HistogramName>(name: Name, cut: Cut<Name> = {}): Series[] {
  return [0.5, 0.95, 0.99].map((share) => ({
    ...quantile(share, name, cut),
    called: `p${share * 100}`,
  }));
}
