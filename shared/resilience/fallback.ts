import { background } from "../background.ts";
import { currentContext } from "../context.ts";
import { Problem } from "../problem.ts";
import { count } from "../telemetry/in_context.ts";

/** What an answer is kept under. Without the person it could be somebody else's. */
export interface FallbackKey {
  /** The service that keeps it. */
  readonly service: string;
  /** What it is an answer to. */
  readonly what: string;
  /** Subject of the person whose answer it is. */
  readonly sub: string;
}

/** Where last good answers are kept; never the memory of an isolate. */
export interface FallbackStore {
  /** The value kept under a key, or null. */
  get(key: FallbackKey): Promise<string | null>;
  /** Keeps a value for so many seconds. */
  put(key: FallbackKey, value: string, ttlSeconds: number): Promise<void>;
  /** Drops a value. */
  forget(key: FallbackKey): Promise<void>;
}

/** Where an answer comes from. */
export type FallbackSource = "live" | "cache" | "default";

/** An answer, and how good it is. */
export interface FallbackResult<Value> {
  /** The answer. */
  readonly value: Value;
  /** Where it comes from. */
  readonly source: FallbackSource;
  /** Age of a kept answer. */
  readonly ageSeconds?: number;
}

/** What is asked, and what stands in for it. */
export interface FallbackQuestion<Value> {
  /** What the answer is kept under. */
  readonly key: FallbackKey;
  /** Asks; throws for an answer that is of no use. */
  readonly live: () => Promise<Value>;
  /** A kept value as it is typed, or undefined where it does not fit, as after a release. */
  readonly fits: (kept: unknown) => Value | undefined;
  /** The declared default. */
  readonly otherwise: () => Value | Promise<Value>;
}

/** Answers that survive their source. */
export interface Fallback {
  /**
   * Asks live, else gives the person's last good answer, else the default. For safe methods only.
   *
   * @throws {Problem} with a status below 500, of `live`: that is an answer; what `otherwise` throws
   */
  run<Value>(question: FallbackQuestion<Value>): Promise<FallbackResult<Value>>;
}

/** What a fallback is made of. */
export interface FallbackOptions {
  /** Without one there is only the default. */
  readonly store?: FallbackStore;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Older answers are not given; read at each call. */
  readonly maxStaleMs: () => number;
  /** Told why the live answer is missing, and what stands in for it. */
  readonly onFailure?: (cause: unknown, source: Exclude<FallbackSource, "live">) => void;
  /** Told that the store failed; nobody else hears of it. */
  readonly onStoreFailure?: (cause: unknown) => void;
}

/** A longer text is not kept, in characters. */
const maxStoredLength = 65_536;

/** Makes a fallback. */
export function createFallback(
  { store, now = Date.now, maxStaleMs, onFailure = () => {}, onStoreFailure = () => {} }:
    FallbackOptions,
): Fallback {
  function keep(key: FallbackKey, value: unknown): void {
    const ttlSeconds = Math.ceil(maxStaleMs() / 1000);
    if (!store || ttlSeconds <= 0) return;
    const text = JSON.stringify({ at: now(), value });
    if (text.length <= maxStoredLength) {
      background(store.put(key, text, ttlSeconds), onStoreFailure);
    }
  }

  async function recall<Value>(
    { key, fits }: FallbackQuestion<Value>,
  ): Promise<FallbackResult<Value> | undefined> {
    try {
      const { at, value } = readStored(await store?.get(key) ?? "null");
      // Another instance's clock may be ahead of this one's.
      const ageMs = Math.max(0, now() - at);
      const fitting = ageMs <= maxStaleMs() ? fits(value) : undefined;
      if (fitting === undefined) return undefined;
      return { value: fitting, source: "cache", ageSeconds: Math.floor(ageMs / 1000) };
    } catch (cause) {
      onStoreFailure(cause);
      return undefined;
    }
  }

  return {
    async run(question) {
      try {
        const value = await question.live();
        keep(question.key, value);
        return { value, source: "live" };
      } catch (cause) {
        if (cause instanceof Problem && cause.status < 500) throw cause;
        const result = await recall(question) ??
          { value: await question.otherwise(), source: "default" as const };
        const { source } = result;
        onFailure(cause, source === "cache" ? source : "default");
        count("edgepass.fallbacks", {
          "edgepass.service": currentContext()?.service,
          "edgepass.fallback.source": source,
        });
        return result;
      }
    },
  };
}

/** Nothing kept is as old as can be. */
function readStored(text: string): { readonly at: number; readonly value: unknown } {
  const kept: unknown = JSON.parse(text);
  if (typeof kept !== "object" || kept === null || !("at" in kept) || !("value" in kept)) {
    return { at: Number.NEGATIVE_INFINITY, value: undefined };
  }
  return {
    at: typeof kept.at === "number" ? kept.at : Number.NEGATIVE_INFINITY,
    value: kept.value,
  };
}
