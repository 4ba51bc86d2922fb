import * as z from "zod/mini";

/** Reads a key setting again, where the runtime reads it from a file to which keys may be added. */
export type KeySource = () => Promise<string>;

/** The runtime's reader of a key setting: a function, which no environment variable can contain. */
export const keySource = z.custom<KeySource>((value) => typeof value === "function");

/** The binding that holds the reader of a setting. */
export type KeySourceName = "PASSPORT_KEYS_RELOAD" | "ACCESS_TOKEN_KEYS_RELOAD";

/** Runs `read` once at a time: a call during a run gets that run's promise. */
export function shareRun(read: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return function run() {
    running ??= read().finally(() => running = undefined);
    return running;
  };
}
