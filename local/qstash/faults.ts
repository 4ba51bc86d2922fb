import * as z from "zod/mini";
import { ApiError } from "./api.ts";
import { fraction, type Random } from "./model.ts";
import type { StoredSettings } from "./store.ts";

const chance = z._default(z.number().check(z.gte(0), z.lte(1)), 0);
const span = (ms: number) => z._default(z.int().check(z.gte(0), z.lte(86_400_000)), ms);

/** Injected faults. Chances are per message, attempt or request; all are 0 by default. */
const Faults = z.strictObject({
  /** A delivered message is delivered again at once. */
  duplicate: chance,
  /** A delivered message is delivered again `lateDuplicateMs` later. */
  lateDuplicate: chance,
  lateDuplicateMs: span(900_000),
  /** A message is held back for up to `reorderMs`, so that later ones overtake it. */
  reorder: chance,
  reorderMs: span(2_000),
  /** A message is held back for `delayMs`. */
  delay: chance,
  delayMs: span(5_000),
  /** An attempt that succeeded counts as one without a response. */
  lostAnswer: chance,
  /** A request to the API gets a 500 and nothing is done. */
  apiError: chance,
  /** A request to the API is done and gets a 500 all the same. */
  apiLostAnswer: chance,
  /** A request to the API gets a 429 with `Retry-After`. */
  apiTooMany: chance,
  apiRetryAfterSeconds: z._default(z.int().check(z.gte(0), z.lte(86_400)), 1),
  /** A request to the API hangs for `apiHangMs` and then gets a 503. */
  apiHang: chance,
  apiHangMs: span(60_000),
});
export type Faults = z.infer<typeof Faults>;
export type FaultOptions = z.input<typeof Faults>;

type ChanceName = {
  [Name in keyof Faults]: Name extends `${string}Ms` | `${string}Seconds` ? never : Name;
}[keyof Faults];

export interface FaultSource {
  get(): Faults;
  /** Replaces all faults; what is left out is off. */
  set(faults: Faults): void;
  /** Rolls the dice; a chance of 0 uses no randomness. */
  happens(name: ChanceName): boolean;
  /** A random part of a span. */
  within(ms: number): number;
}

/**
 * The faults of a store. Those that were set outlive the process: after a kill they have to go on.
 * `given` ones are for this process alone.
 */
export function createFaults(
  settings: StoredSettings,
  random: Random,
  given?: FaultOptions,
): FaultSource {
  const put = (faults: Faults): Faults => {
    settings.set("faults", JSON.stringify(faults));
    return faults;
  };
  let faults = readFaults(given ?? JSON.parse(settings.get("faults") ?? "{}"));
  return {
    get: () => faults,
    set: (changed) => void (faults = put(changed)),
    happens: (name) => faults[name] > 0 && fraction(random) < faults[name],
    within: (ms) => Math.floor(fraction(random) * (ms + 1)),
  };
}

/**
 * Reads faults from JSON.
 *
 * @throws {ApiError} naming the invalid field
 */
export function readFaults(value: unknown): Faults {
  const result = z.safeParse(Faults, value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join(".") || "body";
  throw new ApiError(400, `invalid faults: ${where}: ${issue?.message ?? "not valid"}`);
}
