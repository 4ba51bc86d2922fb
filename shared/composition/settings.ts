import * as z from "zod/mini";
import { explainFaults } from "./setting_errors.ts";

/** What operators, documents and programs need to know of a setting besides how it is read. */
export interface SettingFacts {
  /** One sentence without a full stop, for operators. */
  readonly meaning: string;
  /** What is without it, where it has no default and is not required; in a few words. */
  readonly without?: string;
  /** Whether its value is a secret: no file, log line or message may contain it. */
  readonly secret?: boolean;
  /** Whether a deployment is refused without this secret, although programs start without it. */
  readonly isDemanded?: boolean;
  /** How a new value is made, for dev, a new installation, and programs that only check. */
  readonly make?: "secret" | "password" | "Passport keys" | "access-token keys";
  /** Its value in dev, where that is not its default. */
  readonly inDev?: string;
}

const facts = new WeakMap<z.ZodMiniType, SettingFacts>();

/**
 * Declares a setting once: the schema reads it, with its default if it has one, and the facts are
 * what the documents, the Wrangler files, dev and doctor say about it.
 */
export function setting<Schema extends z.ZodMiniType>(
  schema: Schema,
  meaning: SettingFacts,
): Schema {
  // A clone: one schema may read several settings, and each has facts of its own.
  const own = schema.clone();
  facts.set(own, meaning);
  return own;
}

/** A setting as it was declared. */
export interface DeclaredSetting extends SettingFacts {
  /** The variable, secret or binding. */
  readonly name: string;
  /** Whether programs refuse to start without it. */
  readonly required: boolean;
  /** Its value where none is given. */
  readonly default?: unknown;
}

/** The settings of a table of schemas, in its order; what is not declared by `setting` is left out. */
export function listSettings(shape: Readonly<Record<string, z.ZodMiniType>>): DeclaredSetting[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const known = facts.get(schema);
    if (known === undefined) return [];
    const fallback = readDefault(schema);
    const required = !z.safeParse(schema, undefined).success;
    return [{ name, ...known, required, ...(fallback === undefined ? {} : { default: fallback }) }];
  });
}

function readDefault(schema: z.ZodMiniType): unknown {
  return schema instanceof z.ZodMiniDefault ? schema._zod.def.defaultValue : undefined;
}

/** The untrusted input of a deployment: variables, secrets and bindings by name. */
export type Bindings = Readonly<Record<string, unknown>>;

/** Settings that are missing or malformed; the message names the variables, never their values. */
export class ConfigError extends Error {
  /** Identifies the error across copies of this module. */
  override readonly name = "ConfigError";
}

/**
 * Reads typed settings from bindings.
 *
 * An empty text counts as missing, as an unset variable does in most shells and dashboards.
 *
 * @throws {ConfigError} one line that names every variable that is missing or malformed
 */
export function readConfig<Schema extends z.ZodMiniType>(
  schema: Schema,
  bindings: Bindings,
): z.output<Schema> {
  const present = Object.fromEntries(
    Object.entries(bindings).filter(([, value]) => value !== "" && value !== undefined),
  );
  const result = z.safeParse(schema, present);
  if (result.success) return result.data;
  const complaints = result.error.issues.flatMap((each) => explainFaults(schema, each, present));
  throw new ConfigError(`Cannot start: ${[...new Set(complaints)].join("; ")}`);
}

/** A whole number given as decimal text or as a number, within bounds. */
export function integer(
  { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number },
): z.ZodMiniType<number> {
  // Number() alone also reads "" as 0 and "0x10" as 16.
  const toNumber = (value: unknown) =>
    typeof value === "string" ? (/^-?\d+$/.test(value) ? Number(value) : Number.NaN) : value;
  const fits = (value: unknown): value is number =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
  return z.pipe(
    z.transform(toNumber),
    z.custom<number>(fits, `must be a whole number from ${min} to ${max}`),
  );
}

/** An integer within bounds; unlike an environment variable it is never text. */
export function wholeNumber(min: number, max: number): z.ZodMiniNumberFormat {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).check(z.gte(min, { error }), z.lte(max, { error }));
}

/** A JSON text that fits a schema; a value that is already parsed is validated as it is. */
export function json<Output>(schema: z.ZodMiniType<Output>): z.ZodMiniType<Output> {
  const readable = z.unknown().check(
    z.refine((value) => typeof value !== "string" || isJson(value), "must be JSON"),
    // A schema drops this name, and with it the check that an operator wrote down.
    z.refine(
      (value) => typeof value !== "string" || !hasPrototypeName(value),
      "must not have a member __proto__",
    ),
  );
  const parse = (value: unknown): unknown => typeof value === "string" ? JSON.parse(value) : value;
  return z.pipe(z.pipe(readable, z.transform(parse)), schema);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hasPrototypeName(text: string): boolean {
  let found = false;
  try {
    JSON.parse(text, (name, value) => {
      found ||= name === "__proto__";
      return value;
    });
  } catch {
    return false;
  }
  return found;
}

/** An absolute http(s) origin without path, query or userinfo, in its canonical spelling. */
export function origin(): z.ZodMiniType<string, string> {
  return z.string().check(
    z.refine(isOrigin, "must be an origin such as https://api.example.com, with nothing after it"),
  );
}

/** A list in one text, separated by commas; blanks around items are dropped. */
export function commaList<Output>(item: z.ZodMiniType<Output, string>): z.ZodMiniType<Output[]> {
  const split = z.transform((text: string) =>
    text.split(",").map((part) => part.trim()).filter((part) => part !== "")
  );
  return z.pipe(z.pipe(z.string(), split), z.array(item));
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === "http:" || url.protocol === "https:") && url.origin === text;
}

/**
 * Drops members that are undefined: `exactOptionalPropertyTypes` treats them differently from
 * absent ones.
 */
export function withoutUndefined<T extends object>(
  value: T,
): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as ReturnType<typeof withoutUndefined<T>>;
}
