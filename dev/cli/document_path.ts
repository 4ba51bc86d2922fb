/** A document of JSON values. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A malformed path, or one to nothing. */
export class PathError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "PathError";
}

/**
 * The steps of a path such as `gateway.limits.routes./auth/token.limit` or
 * `gateway.revocation["/files/a.b"]`: names between dots, or any text in brackets as JSON.
 *
 * @throws {PathError}
 */
export function readPath(text: string): readonly string[] {
  const steps: string[] = [];
  const step = /\.?(?:\[("(?:[^"\\]|\\.)*"|\d+)\]|([^.[\]]+))/y;
  while (step.lastIndex < text.length) {
    const from = step.lastIndex;
    const match = step.exec(text);
    if (!match || (from === 0 && text.startsWith("."))) {
      throw new PathError(`${text} is no path such as gateway.logLevel`);
    }
    const [, bracketed, name = ""] = match;
    steps.push(bracketed === undefined ? name : String(JSON.parse(bracketed)));
  }
  return steps;
}

/** What is at a path; undefined where nothing is. */
export function getAt(value: JsonValue, path: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = value;
  for (const step of path) at = memberOf(at, step);
  return at;
}

/**
 * The document with a value at a path; missing parents are created. In a list, `+` means the
 * position after the last.
 *
 * @throws {PathError} when the path goes through a value that has no members
 */
export function setAt(value: JsonValue, path: readonly string[], to: JsonValue): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) return to;
  if (isList(value)) {
    const at = step === "+" ? value.length : Number(step);
    if (!Number.isInteger(at) || at < 0 || at > value.length) {
      throw new PathError(`${step} is no position in a list of ${value.length}`);
    }
    return value.toSpliced(at, 1, setAt(value[at] ?? (rest[0] === "+" ? [] : {}), rest, to));
  }
  if (typeof value !== "object" || value === null) {
    throw new PathError(`${step} is below a value that has no members`);
  }
  const member = memberOf(value, step) ?? (rest[0] === "+" ? [] : {});
  return { ...value, [step]: setAt(member, rest, to) };
}

/** The document without the value at a path. @throws {PathError} when there is none */
export function unsetAt(value: JsonValue, path: readonly string[]): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) return {};
  const member = memberOf(value, step);
  if (member === undefined) throw new PathError(`nothing is at ${path.join(".")}`);
  if (isList(value)) {
    return rest.length === 0
      ? value.toSpliced(Number(step), 1)
      : value.toSpliced(Number(step), 1, unsetAt(member, rest));
  }
  const others = Object.entries(value ?? {}).filter(([name]) => name !== step);
  return rest.length === 0
    ? Object.fromEntries(others)
    : { ...Object.fromEntries(others), [step]: unsetAt(member, rest) };
}

function memberOf(value: JsonValue | undefined, step: string): JsonValue | undefined {
  if (value === undefined || value === null || typeof value !== "object") return undefined;
  if (isList(value)) return value[Number(step)];
  return Object.hasOwn(value, step) ? value[step] : undefined;
}

/** `Array.isArray` does not narrow readonly lists. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
