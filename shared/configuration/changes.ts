/**
 * The dotted paths of what differs between two documents, as deep as they are objects; where one of
 * them has nothing at all, what the other has there.
 *
 * Lists are compared as a whole: of one that gained a row in front every position would differ.
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
