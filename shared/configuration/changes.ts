/**
 * The dotted paths at which two documents differ. Objects are compared member by member; if one
 * document lacks a part, the members of the other's part are listed.
 *
 * A list is compared as one value: a row that is inserted at the front would change every index.
 */
export function listChanges(before: unknown, after: unknown, path = ""): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [from, to] = [before ?? {}, after ?? {}];
  if (!isObject(from) || !isObject(to)) return [path];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  const below = names.flatMap((name) =>
    listChanges(from[name], to[name], path === "" ? name : `${path}.${name}`)
  );
  return below.length === 0 ? [path] : below;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
