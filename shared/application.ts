import type { Bindings } from "./config.ts";
import type { Fetcher } from "./upstream.ts";

/** What a composition hands to the runtime: something that answers, and its duties in between. */
export interface Application extends Fetcher {
  /** Once, before the first request, where the runtime has such a moment; safe to repeat. */
  start?(): Promise<void>;
  /** Every few seconds on Deno, by cron on Workers: repeats what an answer could not wait for. */
  maintain?(): Promise<void>;
  /**
   * The part of a sweep that must not wait for the end of a long one: it may run beside it. Workers
   * need no call of it, for cron begins a sweep each minute, whether the last one has ended or not.
   */
  maintainUrgent?(): Promise<void>;
}

/** Makes an application of what the deployment hands over. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;
