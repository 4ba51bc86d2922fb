/** Kinds of components that operations refer to; the gateway has security schemes of its own. */
const kinds = ["schemas", "parameters", "requestBodies", "responses", "headers", "examples"];
const prefix = "#/components/";

/** The components of several documents, each under one name. */
export interface Components {
  /**
   * Adds a document's components, and returns the function that rewrites references to them. A
   * component that differs from an existing one of the same name gets the service's name as a
   * prefix.
   */
  adopt(service: string, document: Json): <Value>(value: Value) => Value;
  /**
   * Stores a component under a name that is derived from its content, and returns a reference to
   * it.
   */
  share(kind: string, name: string, component: Json): Json;
  /** The components that `roots` refer to, directly or indirectly, by name. */
  reachableFrom(roots: unknown): Json;
}

/** Makes a collection that starts with the gateway's own components. */
export function createComponents(own: Json): Components {
  const all = new Map(list(own));
  return {
    adopt(service, document) {
      const theirs = list(objectAt(document, "components"));
      const renamed = new Map<string, string>();
      const rewrite = <Value>(value: Value) => mapTexts(value, (text) => renamed.get(text) ?? text);
      // Renaming one component changes those that refer to it, so this repeats until nothing
      // changes.
      let settled = false;
      while (!settled) {
        settled = true;
        for (const [reference, component] of theirs) {
          if (renamed.has(reference) || !differs(all.get(reference), rewrite(component))) continue;
          renamed.set(reference, uniqueName(reference, service, all));
          settled = false;
        }
      }
      for (const [reference, component] of theirs) {
        all.set(renamed.get(reference) ?? reference, rewrite(component));
      }
      return rewrite;
    },
    share(kind, name, component) {
      const $ref = `${prefix}${kind}/${name}`;
      all.set($ref, component);
      return { $ref };
    },
    reachableFrom(roots) {
      const used = new Set<string>();
      const visit = (value: unknown): void => {
        mapTexts(value, (text) => {
          if (all.has(text) && !used.has(text)) {
            used.add(text);
            visit(all.get(text));
          }
          return text;
        });
      };
      visit(roots);
      return toTree([...used].sort().map((reference) => [reference, all.get(reference)]));
    },
  };
}

function list(components: Json): (readonly [reference: string, component: unknown])[] {
  return kinds.flatMap((kind) =>
    Object.entries(objectAt(components, kind)).map(
      ([name, component]) => [`${prefix}${kind}/${name}`, component] as const,
    )
  );
}

function differs(existing: unknown, other: unknown): boolean {
  return existing !== undefined && JSON.stringify(existing) !== JSON.stringify(other);
}

function uniqueName(
  reference: string,
  service: string,
  taken: ReadonlyMap<string, unknown>,
): string {
  const at = reference.lastIndexOf("/") + 1;
  const name = `${reference.slice(0, at)}${toPascalCase(service)}${reference.slice(at)}`;
  let [free, count] = [name, 1];
  while (taken.has(free)) free = `${name}${++count}`;
  return free;
}

/** `token_expired` → `TokenExpired`. */
export function toPascalCase(text: string): string {
  return text.split(/[^A-Za-z0-9]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

function toTree(components: readonly (readonly [string, unknown])[]): Json {
  const tree: Record<string, Record<string, unknown>> = {};
  for (const [reference, component] of components) {
    const [kind = "", name = ""] = reference.slice(prefix.length).split("/");
    (tree[kind] ??= {})[name] = component;
  }
  return tree;
}

/** The target of a reference within one document; any other value as it is. */
export function resolve(document: Json, value: Json): Json {
  const { $ref } = value;
  if (typeof $ref !== "string" || !$ref.startsWith(prefix)) return value;
  const [kind = "", name = ""] = $ref.slice(prefix.length).split("/");
  const component = objectAt(objectAt(document, "components"), kind)[name];
  return isObject(component) ? component : {};
}

/** A JSON object of an OpenAPI document; its members are checked where they are used. */
export type Json = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object at a key, empty where there is none. */
export function objectAt(parent: Json, key: string): Json {
  const value = parent[key];
  return isObject(value) ? value : {};
}

/** The objects of the array at a key, none where there is no array. */
export function objectsAt(parent: Json, key: string): readonly Json[] {
  const value = parent[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The text at a key, undefined where there is none or an empty one. */
export function textAt(parent: Json, key: string): string | undefined {
  const value = parent[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A copy with every text replaced; keys stay as they are. */
export function mapTexts<Value>(value: Value, replace: (text: string) => string): Value;
export function mapTexts(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === "string") return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, replace));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapTexts(item, replace)]),
  );
}
