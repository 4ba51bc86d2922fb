import * as z from "zod/mini";

/** Reads a setting of keys again, where the runtime keeps it in a file that may have gained one. */
export type KeySource = () => Promise<string>;

/** The runtime's reader of a setting of keys; it is a function, which no variable can stand for. */
export const keySource = z.custom<KeySource>((value) => typeof value === "function");

/** The binding that has the reader of a setting. */
export type KeySourceName = "PASSPORT_KEYS_AGAIN" | "ACCESS_TOKEN_KEYS_AGAIN";

/** Makes of `read` what runs once at a time: who comes while it runs shares its end. */
export function shareRun(read: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return function run() {
    running ??= read().finally(() => running = undefined);
    return running;
  };
}
