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
