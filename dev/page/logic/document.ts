import type { Attributes, AttributeValue, Configuration } from "../api_types.ts";

/** A setting with its current value. */
export interface Setting {
  readonly path: string;
  /** Undefined where neither the document nor the environment has a value. */
  readonly value: AttributeValue | undefined;
  readonly from: "central" | "environment" | "default";
  /** The variable that has it in the environment. */
  readonly name?: string;
}

/** Settings of one section of the document. */
export interface Section {
  readonly name: string;
  readonly settings: readonly Setting[];
}

const order = ["gateway", "services", "keys", "passport"];

/**
 * All settings of the central document, and the environment's values of settings that it leaves
 * out, by section.
 */
export function listSections(
  { inForce, base }: Pick<Configuration, "inForce" | "base">,
): Section[] {
  const central = listValues(inForce.document);
  const centralPaths = new Set(central.map(({ path }) => path));
  const settings: Setting[] = [
    ...central.map(({ path, value }) => ({ path, value, from: "central" as const })),
    ...base.filter(({ path }) => !centralPaths.has(path)).map(({ path, name, value }) =>
      value === ""
        ? { path, name, value: undefined, from: "default" as const }
        : { path, name, value, from: "environment" as const }
    ),
  ];
  const sections = Map.groupBy(settings, ({ path }) => path.split(/[.[]/)[0] ?? "");
  return [...sections].map(([name, some]) => ({ name, settings: some.toSorted(byPath) }))
    .toSorted((a, b) => rank(a.name) - rank(b.name));
}

function rank(name: string): number {
  const at = order.indexOf(name);
  return at === -1 ? order.length : at;
}

function byPath(a: Setting, b: Setting): number {
  return a.path < b.path ? -1 : 1;
}

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

/** `JSON.parse` returns only JSON values. */
function isObject(value: unknown): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text as a document, or why it is invalid. */
export type DocumentReading = { readonly document: Attributes } | { readonly fault: string };

/** Reads typed text; whether the document is valid is for the server to decide. */
export function readDocument(text: string): DocumentReading {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { document: value } : { fault: "It must be an object: { … }" };
  } catch (error) {
    return { fault: `It is no JSON yet: ${error instanceof Error ? error.message : "unknown"}` };
  }
}
