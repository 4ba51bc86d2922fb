import * as z from "zod/mini";

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
  readonly make?: "secret" | "Passport keys" | "access-token keys";
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
