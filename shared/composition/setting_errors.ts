import * as z from "zod/mini";

/**
 * One sentence about each place of a setting that does not fit, with the path to it. It names
 * members that the schema has, unknown ones that look like a name, and the row of a list by its
 * alias; never another value.
 */
export function explainFaults(
  schema: z.ZodMiniType,
  issue: z.core.$ZodIssue,
  present: Readonly<Record<string, unknown>>,
): string[] {
  return flatten(issue).map(({ path, message, isTyped, unknown }) => {
    const [name, ...inside] = path;
    if (name === undefined) return message;
    if (!Object.hasOwn(present, name)) return `${String(name)} is missing`;
    const value = readValue(present[String(name)]);
    const where = nameAll(inside, value).join(".");
    if (isTyped && isMissing(inside, value)) return `${String(name)} (${where}) is missing`;
    const meant = unknown && closestName(unknown, membersAt(schema, path.slice(0, -1)));
    const text = meant === undefined ? message : `${message}, did you mean ${meant}?`;
    return `${String(name)}${where === "" ? "" : ` (${where})`}: ${text}`;
  });
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Whether the fault is a wrong type, which a member that is missing has too. */
  readonly isTyped?: boolean;
  /** The member that no schema has. */
  readonly unknown?: string;
}

/**
 * The faults inside of an issue. Of several forms that a value may have, one is meant that the
 * value reaches deepest: `{"roles": {"form": "x"}}` is a misspelt `from`, not "no text".
 */
function flatten(issue: z.core.$ZodIssue, base: readonly PropertyKey[] = []): Fault[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: "unknown key",
      unknown: key,
    }));
  }
  if (issue.code === "invalid_union" && !issue.message.startsWith("must ")) {
    const form = issue.errors.find((issues) => issues.length > 0 && issues.every(isInside));
    if (form) return form.flatMap((inner) => flatten(inner, path));
  }
  const isTyped = issue.code === "invalid_type" || issue.code === "invalid_union" ||
    issue.code === "invalid_value";
  return [{ path, message: explainIssue(issue), isTyped: isTyped && !isOurs(issue) }];
}

function isInside({ code, path }: z.core.$ZodIssue): boolean {
  return path.length > 0 || code === "unrecognized_keys";
}

/** A setting's value as its schema sees it: most are JSON in a text. */
function readValue(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function memberOf(value: unknown, part: PropertyKey | undefined): unknown {
  if (typeof value !== "object" || value === null || part === undefined) return undefined;
  return Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined;
}

/** "must be of type array" reads like a wrong value, and people look for it in vain. */
function isMissing(inside: readonly PropertyKey[], value: unknown): boolean {
  const parent = inside.slice(0, -1).reduce(memberOf, value);
  return inside.length > 0 && typeof parent === "object" && parent !== null &&
    !Array.isArray(parent) && memberOf(parent, inside.at(-1)) === undefined;
}

/** The names of a path; a row that has an alias is found by it faster than by counting. */
function nameAll(inside: readonly PropertyKey[], value: unknown): string[] {
  const [first, ...rest] = inside;
  if (first === undefined) return [];
  const alias = typeof first === "number" ? memberOf(memberOf(value, first), "alias") : undefined;
  const isUsable = typeof alias === "string" && /^[a-z][a-z0-9-]{0,31}$/.test(alias);
  return [isUsable ? alias : nameInside(first), ...rest.map(nameInside)];
}

/** Array positions are safe to show; a long or unusual name could be part of the value. */
function nameInside(part: PropertyKey): string {
  return /^([0-9]{1,6}|[A-Za-z_]{1,24})$/.test(String(part)) ? String(part) : "…";
}

/**
 * Messages of our own checks name the fault. Zod's own messages could quote a secret value, so they
 * are rebuilt from the schema alone.
 */
export function explainIssue(issue: z.core.$ZodIssue): string {
  if (isOurs(issue)) return issue.message;
  switch (issue.code) {
    case "invalid_union": {
      const inner = issue.errors.flat();
      const types = inner.flatMap((one) => one.code === "invalid_type" ? [one.expected] : []);
      const either = types.length > 0 ? `must be of type ${types.join(" or ")}` : "does not fit";
      return inner.find(isOurs)?.message ?? either;
    }
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "invalid_type":
      return `must be of type ${issue.expected}`;
    case "too_small":
      return issue.minimum === 1 ? "must not be empty" : "is too small";
    default:
      return `does not fit (${issue.code.replaceAll("_", " ")})`;
  }
}

/** Zod's own messages begin with a capital, as does that of a check without a message. */
function isOurs({ code, message }: z.core.$ZodIssue): boolean {
  return code === "custom" ? message !== "Invalid input" : message.startsWith("must ");
}

/** The members that the schema has at a path, in whichever form of the value. */
function membersAt(schema: z.ZodMiniType, path: readonly PropertyKey[]): string[] {
  const [step, ...further] = path;
  return formsOf(schema).flatMap((form) => {
    if (form instanceof z.ZodMiniArray) {
      return step === undefined ? [] : membersAt(asMini(form._zod.def.element), further);
    }
    if (!(form instanceof z.ZodMiniObject)) return [];
    const { shape } = form._zod.def;
    if (step === undefined) return Object.keys(shape);
    const member = shape[String(step)];
    return member === undefined ? [] : membersAt(asMini(member), further);
  });
}

/** A schema without what wraps it: a default, a transformation of text, one of several forms. */
function formsOf(schema: z.ZodMiniType): z.ZodMiniType[] {
  if (schema instanceof z.ZodMiniDefault || schema instanceof z.ZodMiniOptional) {
    return formsOf(asMini(schema._zod.def.innerType));
  }
  if (schema instanceof z.ZodMiniPipe) return formsOf(asMini(schema._zod.def.out));
  if (schema instanceof z.ZodMiniUnion) {
    return schema._zod.def.options.flatMap((option) => formsOf(asMini(option)));
  }
  return [schema];
}

function asMini(schema: z.core.$ZodType): z.ZodMiniType {
  if (schema instanceof z.ZodMiniType) return schema;
  throw new TypeError("Schema is not of zod/mini");
}

/** A short name may differ in one letter and still be meant, a longer one in two. */
const longLength = 9;

/** The name that a misspelt one most resembles, if it resembles one at all. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const limit = name.length < longLength ? 1 : 2;
  const near = known
    .map((candidate) => ({ candidate, distance: distanceBetween(name, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= limit ? near.candidate : undefined;
}

/**
 * Letters to insert, delete, change or swap with their neighbour until one text is the other
 * (Damerau and Levenshtein, each place changed once).
 */
export function distanceBetween(from: string, to: string): number {
  // The cost is the product of both lengths, and one of them is untrusted.
  if (Math.abs(from.length - to.length) > longLength) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  const cell = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(Math.min(
        cell(i - 1, j) + 1,
        cell(i, j - 1) + 1,
        cell(i - 1, j - 1) + (isSame ? 0 : 1),
        isSwap ? cell(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      ));
    }
  }
  return cell(from.length, to.length);
}
