import type { Bindings } from "./settings.ts";
import type { Fetcher } from "./upstream.ts";

/** What a composition gives to the runtime: a request handler and its scheduled tasks. */
export interface Application extends Fetcher {
  /** Once, before the first request, where the runtime supports it; idempotent. */
  start?(): Promise<void>;
  /** Every few seconds on Deno, by cron on Workers: the work that a response could not wait for. */
  maintain?(): Promise<void>;
  /**
   * The part of the maintenance that must not wait for a long run; it may run concurrently. Workers
   * do not call it: cron starts a run each minute, whether the last one has ended or not.
   */
  maintainUrgent?(): Promise<void>;
}

/** Creates an application from the deployment's bindings. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;
