import type { Attributes, AttributeValue } from "../api_types.ts";

/** One path at which two documents differ; undefined is a missing value. */
export interface Difference {
  /** As `deno task config` takes it: `gateway.revocation["/files/a.b"]`. */
  readonly path: string;
  readonly before: AttributeValue | undefined;
  readonly after: AttributeValue | undefined;
}

/**
 * What differs between two documents, as deep as they are objects, in the order of the second.
 *
 * Lists are compared as one value, as versions do it: of one that gained a row in front every
 * position would differ.
 */
export function listDifferences(before: Attributes, after: Attributes): Difference[] {
  return compare(before, after, "");
}

/** The values of a document by their paths: what it has beyond an empty one. */
export function listValues(document: Attributes): { path: string; value: AttributeValue }[] {
  return compare({}, document, "").flatMap(({ path, after }) =>
    after === undefined || path === "" ? [] : [{ path, value: after }]
  );
}

function compare(
  before: AttributeValue | undefined,
  after: AttributeValue | undefined,
  path: string,
): Difference[] {
  if (toKey(before) === toKey(after)) return [];
  const [from, to] = [before ?? {}, after ?? {}];
  if (before === null || after === null || !isObject(from) || !isObject(to)) {
    return [{ path, before, after }];
  }
  const names = [...new Set([...Object.keys(to), ...Object.keys(from)])];
  const below = names.flatMap((name) =>
    compare(memberOf(from, name), memberOf(to, name), join(path, name))
  );
  return below.length === 0 ? [{ path, before, after }] : below;
}

/** The order of members means nothing. */
function toKey(value: AttributeValue | undefined): string | undefined {
  return JSON.stringify(
    value,
    (_name, member: AttributeValue) =>
      isObject(member)
        ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => a < b ? -1 : 1))
        : member,
  );
}

function memberOf(value: Attributes, name: string): AttributeValue | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function join(path: string, name: string): string {
  if (name === "" || /[.[\]]/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function isObject(value: AttributeValue): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
