import * as z from "zod/mini";
import { logLevels } from "../log.ts";

/** An integer within bounds; unlike an environment variable it is never text. */
export function wholeNumber(min: number, max: number): z.ZodMiniNumberFormat {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).check(z.gte(min, { error }), z.lte(max, { error }));
}

/** A text no longer than a Passport's verifier accepts. */
export const text = z.string().check(z.minLength(1), z.maxLength(512));

/** The path of a row of the gateway's route table, for example `/courses/{id}` or `/echo/*`. */
export const RoutePath = z.string().check(
  z.regex(/^\/[\x21-\x7e]{0,200}$/, { error: "must be the path of a route" }),
);

/** Log lines below this level are not written. */
export const Level = z.enum(logLevels).check(
  z.meta({ description: "Lines below it are not written", env: "LOG_LEVEL" }),
);

/** A valid value, and the names in it that this version does not know. */
export interface SectionReading<Section> {
  readonly section: Section;
  readonly unknown: readonly string[];
}

/** Rounds in which unknown names are dropped; each level of a document needs one. */
const maxRounds = 8;

/**
 * Reads a part of the current document without the names that this version does not know: during an
 * update a document for a newer version must still work with an older program.
 *
 * @throws {RangeError} naming the invalid path, without its value
 */
export function readSection<Section>(
  schema: z.ZodMiniType<Section>,
  value: unknown,
): SectionReading<Section> {
  const unknown: string[] = [];
  let rest = value;
  for (let round = 0; round < maxRounds; round++) {
    const { success, data, error } = z.safeParse(schema, rest);
    if (success) return { section: data, unknown };
    const extra = error.issues.filter((issue) => issue.code === "unrecognized_keys");
    if (extra.length === 0 || extra.length < error.issues.length) {
      const misfit = error.issues.find(({ code }) => code !== "unrecognized_keys");
      throw new RangeError(`Configuration does not fit at ${misfit?.path.join(".") ?? "its root"}`);
    }
    for (const { path, keys } of extra) {
      unknown.push(...keys.map((key) => [...path, key].join(".")));
      rest = without(rest, path, keys);
    }
  }
  throw new RangeError("Configuration does not fit");
}

function without(value: unknown, path: readonly PropertyKey[], keys: readonly string[]): unknown {
  const [step, ...further] = path;
  if (Array.isArray(value)) {
    return value.map((item, at) =>
      String(at) === String(step) ? without(item, further, keys) : item
    );
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => step !== undefined || !keys.includes(name))
      .map(([name, member]) => [name, name === step ? without(member, further, keys) : member]),
  );
}
