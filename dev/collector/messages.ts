import type { Exit, LogLine } from "./api.ts";
import type { DeliveryNote } from "./event_sources.ts";
import type { ForwardTargets } from "./forward.ts";
import type { ProcessFacts } from "./health.ts";
import type { ExitedProcess, System } from "./observer.ts";

/** What the thread of the observer needs to begin. */
export interface Opening {
  readonly folder: string;
  readonly port: number;
  readonly pid: number;
  readonly system: System;
  readonly forward: ForwardTargets | undefined;
  readonly keepsLogs: boolean;
}

/** From dev to the thread of the observer, in order. */
export type ToObserver =
  | { readonly kind: "open"; readonly opening: Opening }
  | { readonly kind: "lines"; readonly lines: readonly LogLine[] }
  | { readonly kind: "deliveries"; readonly notes: readonly DeliveryNote[] }
  | { readonly kind: "started"; readonly process: ProcessFacts }
  | { readonly kind: "ended"; readonly process: ExitedProcess }
  | { readonly kind: "reported" }
  | { readonly kind: "close" };

/** From the thread of the observer to dev. */
export type FromObserver =
  | { readonly kind: "ready"; readonly unreported: readonly Exit[] }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "closed" };
