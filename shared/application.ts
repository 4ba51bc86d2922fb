import type { Bindings } from "./config.ts";
import type { Fetcher } from "./upstream.ts";

/** What a composition hands to the runtime: something that answers, and its duties in between. */
export interface Application extends Fetcher {
  /** Once, before the first request, where the runtime has such a moment; safe to repeat. */
  start?(): Promise<void>;
  /** Every few seconds on Deno, by cron on Workers: repeats what an answer could not wait for. */
  sweep?(): Promise<void>;
}

/** Makes an application of what the deployment hands over. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;
